module "sync" {
  source = "./function"
  deploy = local.deploy

  name        = "sync"
  description = "What a device missed; conversations, history, read positions"
  public      = true
  paths       = ["/sync", "/read", "/conversations", "/messages", "/conversation-notification-status", "/trace"]
  firestore   = "write"
  publishes   = { for t in ["push"] : t => local.topic_ids[t] } # that a conversation was read
}
