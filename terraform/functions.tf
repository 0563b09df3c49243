# What all functions share. What each is stands in function_<name>.tf.

locals {
  prefix = "doorbell"

  deploy = {
    project         = var.project
    region          = var.region
    prefix          = local.prefix
    runtime         = var.runtime
    build_account   = google_service_account.build.name
    repository      = google_artifact_registry_repository.images.id
    source          = { bucket = google_storage_bucket.source.name, object = google_storage_bucket_object.source.name }
    environment     = local.environment
    database        = { name = google_firestore_database.this.name, location = google_firestore_database.this.location_id }
    trigger_account = google_service_account.trigger.email
    pubsub_agent    = local.pubsub_agent
    fcm_role        = google_project_iam_custom_role.fcm.name
    traces          = coalesce(var.settings.trace_export, 0) > 0
    sizing          = var.sizing
  }

  environment = merge(
    {
      GOOGLE_CLOUD_PROJECT       = var.project
      DOORBELL_SYSTEM_ACCOUNTS   = join(",", var.system_accounts)
      DOORBELL_SYSTEM_AUDIENCES  = google_firebase_hosting_site.public.default_url
      DOORBELL_ALLOWED_ORIGINS   = join(",", var.allowed_origins)
      DOORBELL_PUSH_TOPIC        = google_pubsub_topic.queue["push"].name
      DOORBELL_URGENT_TOPIC      = google_pubsub_topic.queue["urgent"].name
      DOORBELL_FANOUT_TOPIC      = google_pubsub_topic.queue["fanout"].name
      DOORBELL_SWEEP_TOPIC       = google_pubsub_topic.queue["sweep"].name
      DOORBELL_DEAD_TOPIC        = google_pubsub_topic.dead["push"].name
      DOORBELL_FANOUT_DEAD_TOPIC = google_pubsub_topic.dead["fanout"].name
    },
    { for name, value in var.settings : "DOORBELL_${upper(name)}" => tostring(value) if value != null },
  )

  # Functions that plan only read, unless they are to write down why nobody was rung.
  planner_access = coalesce(var.settings.record_skips, "unusual") == "off" ? "read" : "write"

  topic_ids = merge(
    { for name, topic in google_pubsub_topic.queue : name => topic.id },
    { for name, topic in google_pubsub_topic.dead : "${name}-dead" => topic.id },
  )
}

locals {
  # The functions that triggers call. The ones that clients call stand in hosting.tf.
  triggered = [
    module.on_message,
    module.on_message_change,
    module.on_call,
    module.fan_out,
    module.dispatch,
    module.dispatch_urgent,
    module.sweep,
  ]
}

# Sending and nothing else: FCM's predefined role for it may also read the
# project's Firebase data.
resource "google_project_iam_custom_role" "fcm" {
  role_id     = "${local.prefix}PushSender"
  title       = "Doorbell push sender"
  description = "Sends messages through FCM"
  permissions = ["cloudmessaging.messages.create"]
  depends_on  = [google_project_service.enabled]
}
