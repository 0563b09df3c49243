module "on_call" {
  source = "./function"
  deploy = local.deploy

  name        = "on-call"
  description = "Rings who is invited to a call; dismisses what rang"
  document    = { path = "calls/{call}", change = "written" }
  firestore   = local.planner_access
  publishes   = { for t in ["push", "urgent", "sweep"] : t => local.topic_ids[t] }
}
