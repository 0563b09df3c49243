module "on_message_change" {
  source = "./function"
  deploy = local.deploy

  name        = "on-message-change"
  description = "Takes back, or replaces, what was pushed of a message that was revoked or edited"
  document    = { path = "conversations/{cid}/messages/{mid}", change = "updated" }
  firestore   = "write"
  publishes   = { "push" = local.topic_ids["push"] }

  # It holds presence as on-message does.
  sizing = { concurrency = 20 }
}
