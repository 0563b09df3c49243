module "call_invite" {
  source = "./function"
  deploy = local.deploy

  name        = "call-invite"
  description = "Starts a call; answers, leaves, lists calls"
  public      = true
  paths       = ["/call-*", "/calling-invite"]
  firestore   = "write"
}
