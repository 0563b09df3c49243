module "dispatch" {
  source = "./function"
  deploy = local.deploy

  name         = "dispatch"
  description  = "Sends batches to FCM"
  topic        = local.topics.push
  firestore    = "write"
  publishes    = { "push-dead" = local.topic_ids["push-dead"] }
  sends_pushes = true

  # An instance has DOORBELL_FCM_CONCURRENCY requests under way, so ten of them
  # send about what FCM's default quota of 600,000 a minute allows.
  sizing = { memory = "512Mi", concurrency = 10, max_instances = 10 }
}
