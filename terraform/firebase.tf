# Firebase on the project: FCM, the public host, the web app's configuration.

resource "google_firebase_project" "this" {
  provider   = google-beta
  depends_on = [google_project_service.enabled]
}

# Signing in. A project that has used Firebase Auth has it already.
resource "google_identity_platform_config" "auth" {
  count    = var.initialize_auth ? 1 : 0
  provider = google-beta

  authorized_domains = distinct(concat(
    ["localhost", "${var.project}.firebaseapp.com", "${google_firebase_hosting_site.public.site_id}.web.app"],
    [for origin in var.allowed_origins : replace(origin, "/^https?://|:[0-9]+$/", "") if origin != "*"],
  ))

  depends_on = [google_firebase_project.this]
}

resource "google_firebase_web_app" "this" {
  provider        = google-beta
  display_name    = "Doorbell"
  deletion_policy = "DELETE"

  depends_on = [google_firebase_project.this]
}

data "google_firebase_web_app_config" "this" {
  provider   = google-beta
  web_app_id = google_firebase_web_app.this.app_id
}

# Firestore answers only apps that App Check attests.
resource "google_firebase_app_check_service_config" "firestore" {
  count    = var.app_check == "OFF" ? 0 : 1
  provider = google-beta

  service_id       = "firestore.googleapis.com"
  enforcement_mode = var.app_check

  depends_on = [google_firebase_project.this]
}
