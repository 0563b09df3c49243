package docs

// untyped is every command that no test types, by the file and the part of its
// block that how has, with the reason.
var untyped = map[string]map[string][]string{
	"README.md": {
		"terraform -chdir=terraform ": {
			"terraform -chdir=terraform init",
			"terraform -chdir=terraform plan -var-file=environments/dev.tfvars # says what there will be, and changes nothing",
			"terraform -chdir=terraform apply -var-file=environments/dev.tfvars",
		},
	},
	"functions/README.md": {
		"print-identity-token": {
			"gcloud auth print-identity-token --include-email --audiences=https://SITE.web.app --impersonate-service-account=ROBOT@PROJECT.iam.gserviceaccount.com",
		},
	},
	"terraform/README.md": {
		"apply -var-file": {
			"terraform -chdir=terraform init",
			"terraform -chdir=terraform apply -var-file=environments/dev.tfvars",
		},
		"gcloud storage": {
			"gcloud storage buckets create gs://MY-PROJECT-terraform --uniform-bucket-level-access --public-access-prevention",
			"cp terraform/backend.tf.example terraform/backend.tf # then name the bucket in it",
			"terraform -chdir=terraform init -migrate-state",
		},
		"providers mirror": {
			"terraform -chdir=terraform providers mirror /srv/providers # where the registry can be reached",
			"DOORBELL_TERRAFORM_PLUGINS=/srv/providers go run ./scripts/check -run terraform-test",
		},
	},
}
