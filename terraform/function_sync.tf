module "sync" {
  source = "./function"
  deploy = local.deploy

  name        = "sync"
  description = "What a device missed; conversations, history, read positions"
  public      = true
  paths       = ["/sync", "/read", "/conversations", "/messages", "/conversation-notification-status", "/trace"]
  firestore   = "write"
}
