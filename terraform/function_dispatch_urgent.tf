module "dispatch_urgent" {
  source = "./function"
  deploy = local.deploy

  name         = "dispatch-urgent"
  description  = "Sends to FCM what must not wait behind others: calls, messages of high priority"
  topic        = local.topics.urgent
  firestore    = "write"
  publishes    = { "push-dead" = local.topic_ids["push-dead"] }
  sends_pushes = true

  # Mostly batches of a few devices. Its instances come on top of dispatch's.
  sizing = { memory = "512Mi", max_instances = 10 }
}
