module "groups" {
  source = "./function"
  deploy = local.deploy

  name        = "groups"
  description = "Makes groups; who is in them, and what they may"
  public      = true
  paths       = ["/group-*"]
  firestore   = "write"
}
