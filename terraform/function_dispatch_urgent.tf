module "dispatch_urgent" {
  source = "./function"
  deploy = local.deploy

  name         = "dispatch-urgent"
  description  = "Sends to FCM what must not wait behind others: calls, messages of high priority"
  topic        = local.topics.urgent
  firestore    = "write"
  publishes    = { "push-dead" = local.topic_ids["push-dead"] }
  sends_pushes = true

  # Mostly batches of a few devices, of which one instance has 80 under way. They
  # have their own part of FCM's quota: see dispatch.
  sizing      = { memory = "512Mi", max_instances = local.fcm_instances.dispatch-urgent }
  environment = { DOORBELL_FCM_INSTANCES = tostring(local.fcm_parts.dispatch-urgent) }
}
