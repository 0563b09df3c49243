module "presence" {
  source = "./function"
  deploy = local.deploy

  name        = "presence"
  description = "Keeps a device's lease"
  public      = true
  paths       = ["/presence", "/push-rule", "/badge", "/notification-settings", "/blacklist-*"]
  firestore   = "write"

  # Every device that is online calls it twice a lease: the most calls of all.
  sizing = { max_instances = 100 }
}
