module "sweep" {
  source = "./function"
  deploy = local.deploy

  name        = "sweep"
  description = "Ends what has run out: calls nobody answered, leases nobody renewed"
  topic       = local.topics.sweep
  firestore   = "write"
  publishes   = { for t in ["push", "urgent"] : t => local.topic_ids[t] }

  # It stays until the next minute's sweep while calls ring, mostly asleep. That of
  # one short call sleeps for a minute at most.
  sizing = { timeout = 100 }
}
