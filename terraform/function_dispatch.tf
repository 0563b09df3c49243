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
  sizing      = { memory = "512Mi", concurrency = 10, max_instances = local.fcm_instances.dispatch }
  environment = { DOORBELL_FCM_INSTANCES = tostring(local.fcm_parts.dispatch) }
}

locals {
  fcm_instances = { dispatch = 4, dispatch-urgent = 4 }

  # Into how many parts FCM's quota is cut, one for each instance: four fifths of
  # it are for dispatch, one for dispatch-urgent, however many there are of each.
  fcm_parts = {
    for name, cut in { dispatch = 5 / 4, dispatch-urgent = 5 } :
    name => coalesce(var.settings.fcm_instances, ceil(cut * coalesce(try(var.sizing[name].max_instances, null), local.fcm_instances[name])))
  }
}
