module "web" {
  source = "./function"
  deploy = local.deploy

  name        = "web"
  description = "The browser SDK and the demo"
  public      = true
  paths       = ["/sdk/**", "/demo/**"]
}
