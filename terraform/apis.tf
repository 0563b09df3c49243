locals {
  # Firestore or the functions look at App Check's tokens, which clients get from its API.
  app_check = var.app_check != "OFF" || contains(["log", "enforce"], coalesce(var.settings.app_check, "off"))

  apis = toset(concat([
    "artifactregistry.googleapis.com",      # the functions' images
    "cloudbuild.googleapis.com",            # builds them
    "cloudfunctions.googleapis.com",        # deploys them
    "cloudresourcemanager.googleapis.com",  # IAM of the project
    "cloudscheduler.googleapis.com",        # starts the sweep
    "eventarc.googleapis.com",              # Firestore's triggers
    "fcm.googleapis.com",                   # sends the pushes
    "fcmregistrations.googleapis.com",      # gives browsers their tokens
    "firebase.googleapis.com",              # the project and its web app
    "firebasehosting.googleapis.com",       # the public host
    "firebaseinstallations.googleapis.com", # installation IDs, which FCM's tokens build on
    "firebaserules.googleapis.com",         # Firestore's security rules
    "firestore.googleapis.com",             # the database
    "iam.googleapis.com",                   # service accounts
    "identitytoolkit.googleapis.com",       # Firebase Auth: signs users in
    "logging.googleapis.com",               # log-based metrics
    "monitoring.googleapis.com",            # dashboard and alerts
    "pubsub.googleapis.com",                # topics
    "run.googleapis.com",                   # runs the functions
    "securetoken.googleapis.com",           # renews ID tokens
    "storage.googleapis.com",               # the source archive
    ],
    local.app_check ? ["firebaseappcheck.googleapis.com"] : [],
    coalesce(var.settings.trace_export, 0) > 0 ? ["cloudtrace.googleapis.com", "telemetry.googleapis.com"] : [],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
  ))
}

# They stay enabled after a destroy: something else in the project may use them.
resource "google_project_service" "enabled" {
  for_each = local.apis

  service            = each.value
  disable_on_destroy = false
}

data "google_project" "this" {
  depends_on = [google_project_service.enabled]
}

# A new project gets these accounts of Google's only once something asks for
# them, and roles can't be given to an account that isn't there.
resource "google_project_service_identity" "agent" {
  for_each = toset(["eventarc.googleapis.com", "pubsub.googleapis.com"])
  provider = google-beta

  service    = each.value
  depends_on = [google_project_service.enabled]
}

# Eventarc gives itself this role some minutes after its API is enabled; the
# triggers would fail until then.
resource "google_project_iam_member" "eventarc_agent" {
  project = var.project
  role    = "roles/eventarc.serviceAgent"
  member  = google_project_service_identity.agent["eventarc.googleapis.com"].member
}

locals {
  # Forwards messages to dead-letter topics.
  pubsub_agent = google_project_service_identity.agent["pubsub.googleapis.com"].member
}
