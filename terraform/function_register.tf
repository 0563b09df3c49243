module "register" {
  source = "./function"
  deploy = local.deploy

  name        = "register"
  description = "Binds and unbinds a device"
  public      = true
  paths       = ["/register"]
  firestore   = "write"
}
