# The functions' source: one archive that all are built from.

module "source" {
  source = "./source"
  root   = "${path.module}/.."
}

data "archive_file" "source" {
  type             = "zip"
  output_path      = "${path.module}/.terraform/source.zip"
  output_file_mode = "0644"

  dynamic "source" {
    for_each = module.source.files
    content {
      filename = source.key
      content  = source.value
    }
  }
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${local.prefix}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # it holds nothing that isn't in the repository

  depends_on = [google_project_service.enabled]
}

# Named after what is in it: a change of the source is a change of every
# function, and nothing else is.
resource "google_storage_bucket_object" "source" {
  name   = "source-${data.archive_file.source.output_md5}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path

  # All functions wait for this, so it waits for what building and triggering
  # them needs.
  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_source,
    google_project_iam_member.eventarc_agent,
    google_project_iam_member.trigger,
  ]
}

# Builds run as an account of their own; the default one may edit the project.
resource "google_service_account" "build" {
  account_id   = "${local.prefix}-build"
  display_name = "Doorbell: builds the functions"
  depends_on   = [google_project_service.enabled]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# The builder reads the copy of the archive that Cloud Functions makes, in a
# bucket of its own.
resource "google_project_iam_member" "build_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "sources of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-\")"
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = local.prefix
  location      = var.region
  format        = "DOCKER"
  description   = "Images of Doorbell's functions"

  # Storage is what images cost. What runs is kept by the first rule.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "604800s"
    }
  }

  depends_on = [google_project_service.enabled]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
