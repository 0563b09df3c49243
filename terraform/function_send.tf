module "send" {
  source = "./function"
  deploy = local.deploy

  name        = "send"
  description = "Stores a message, or one to many from the operator's backend"
  public      = true
  paths       = ["/send", "/system-send"]
  firestore   = "write"
  sizing      = { max_instances = 100 }
}
