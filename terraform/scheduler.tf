# Starts the sweep. Two minutes late would be a call that rings too long, so it
# comes as often as Cloud Scheduler can.
resource "google_cloud_scheduler_job" "sweep" {
  name        = "${local.prefix}-sweep"
  region      = var.region
  description = "Ends what has run out: calls nobody answered, leases nobody renewed"
  schedule    = "* * * * *"
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = google_pubsub_topic.queue["sweep"].id
    data       = base64encode("{}")
  }

  depends_on = [google_project_service.enabled]
}
