module "dispatch" {
  source = "./function"
  deploy = local.deploy

  name         = "dispatch"
  description  = "Sends batches to FCM"
  topic        = local.topics.push
  firestore    = "write"
  publishes    = { "push-dead" = local.topic_ids["push-dead"] }
  sends_pushes = true

  # One instance has 800 FCM requests under way; four stay far from their limits
  # at FCM's default quota, and each keeps to its part of it.
  sizing = { memory = "512Mi", concurrency = 10, max_instances = local.dispatch_instances }
}

locals {
  dispatch_instances = 4
}
