module "web" {
  source = "./function"
  deploy = local.deploy

  name        = "web"
  description = "The browser SDK, the demo and the API's description"
  public      = true
  paths       = ["/sdk/**", "/demo/**", "/api/**"]
}
