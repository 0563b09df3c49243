output "account" {
  description = "The account the function runs as."
  value       = google_service_account.runtime
}

output "function" {
  value = google_cloudfunctions2_function.this
}

output "invoker" {
  description = "Who may call the function."
  value       = google_cloud_run_v2_service_iam_member.invoker.member
}

output "name" {
  description = "The function's name in the code."
  value       = var.name
}

output "paths" {
  value = var.paths
}

output "roles" {
  description = "The project roles of the function's account."
  value       = concat(google_project_iam_member.firestore[*].role, google_project_iam_member.fcm[*].role)
}

output "service" {
  description = "Name of the Cloud Run service."
  value       = google_cloudfunctions2_function.this.name
}

output "subscription" {
  value = one(google_pubsub_subscription.this)
}

output "uri" {
  description = "The function's own URL."
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}
