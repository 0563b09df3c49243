# One public host for all functions that clients call: Firebase Hosting, which
# hands each path on to its function. See "One host" in the README.

locals {
  public = [
    module.register,
    module.presence,
    module.send,
    module.groups,
    module.call_invite,
    module.sync,
    module.web,
  ]

  rewrites = flatten([
    for function in local.public : [
      for path in function.paths : { glob = path, service = function.service }
    ]
  ])
}

resource "google_firebase_hosting_site" "public" {
  provider = google-beta
  site_id  = coalesce(var.site, "${var.project}-${local.prefix}")
  app_id   = google_firebase_web_app.this.app_id # pages find the configuration at /__/firebase/init.json
}

resource "google_firebase_hosting_version" "public" {
  provider = google-beta
  site_id  = google_firebase_hosting_site.public.site_id

  config {
    dynamic "rewrites" {
      for_each = local.rewrites
      content {
        glob = rewrites.value.glob
        run {
          service_id = rewrites.value.service
          region     = var.region
        }
      }
    }
  }
}

resource "google_firebase_hosting_release" "public" {
  provider     = google-beta
  site_id      = google_firebase_hosting_site.public.site_id
  version_name = google_firebase_hosting_version.public.name
  message      = "Terraform"

  # What is served is not deleted before something else is.
  lifecycle {
    create_before_destroy = true
  }
}
