module "fan_out" {
  source = "./function"
  deploy = local.deploy

  name        = "fan-out"
  description = "Plans a part of a large group's message"
  topic       = local.topics.fanout
  firestore   = local.planner_access
  publishes   = { for t in ["push", "urgent"] : t => local.topic_ids[t] }

  # A task holds a roster chunk and a batch at a time; presence is bounded for all of them.
  sizing = { memory = "512Mi", concurrency = 10, max_instances = 50 }
}
