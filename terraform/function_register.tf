module "register" {
  source = "./function"
  deploy = local.deploy

  name        = "register"
  description = "Binds and unbinds a device; what became of pushes on it, and what they are about"
  public      = true
  paths       = ["/register", "/receipts", "/push-content", "/self-test"]
  firestore   = "write"

  sends_pushes = true # a self-test, to the caller's own devices

  # Browsers tell of each push that they show, those of a large group all at once.
  sizing = { max_instances = 50 }
}
