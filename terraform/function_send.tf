module "send" {
  source = "./function"
  deploy = local.deploy

  name        = "send"
  description = "Stores a message"
  public      = true
  paths       = ["/send"]
  firestore   = "write"
  sizing      = { max_instances = 100 }
}
