module "on_message" {
  source = "./function"
  deploy = local.deploy

  name        = "on-message"
  description = "Plans who is rung for a message"
  document    = { path = "conversations/{cid}/messages/{mid}", change = "created" }
  firestore   = local.planner_access
  publishes   = { for t in ["push", "urgent", "fanout", "fanout-dead"] : t => local.topic_ids[t] }

  # It may plan for a group of DOORBELL_FANOUT_THRESHOLD members itself.
  sizing = { concurrency = 20, max_instances = 100 }
}
