module "web" {
  source = "./function"
  deploy = local.deploy

  name        = "web"
  description = "Serves the browser SDK and the demo page"
  public      = true
  paths       = ["/sdk/**", "/demo/**"]

  # Firebase Hosting's cache answers most of it.
  sizing = { max_instances = 5 }
}
