module "send" {
  source = "./function"
  deploy = local.deploy

  name        = "send"
  description = "Stores a message, or one to many from the operator's backend; revokes and edits one; dry run"
  public      = true
  paths       = ["/send", "/system-send", "/dry-run", "/message-revoke", "/message-edit"]
  firestore   = "write"
  sizing      = { max_instances = 100 }
}
