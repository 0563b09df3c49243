# What Google would answer, where the provider checks its form.

mock_resource "google_service_account" {
  defaults = {
    email  = "some@doorbell-test.iam.gserviceaccount.com"
    member = "serviceAccount:some@doorbell-test.iam.gserviceaccount.com"
    name   = "projects/doorbell-test/serviceAccounts/some@doorbell-test.iam.gserviceaccount.com"
  }
}

mock_resource "google_project_service_identity" {
  defaults = {
    member = "serviceAccount:agent@google.iam.gserviceaccount.com"
  }
}

mock_resource "google_cloudfunctions2_function" {
  defaults = {
    service_config = {
      uri = "https://function-abc-uc.a.run.app"
    }
  }
}

mock_resource "google_pubsub_topic" {
  defaults = {
    id = "projects/doorbell-test/topics/some"
  }
}

mock_resource "google_project_iam_custom_role" {
  defaults = {
    name = "projects/doorbell-test/roles/some"
  }
}

mock_data "google_project" {
  defaults = {
    number = "123456789"
  }
}


mock_resource "google_firebaserules_ruleset" {
  defaults = {
    name = "projects/doorbell-test/rulesets/some"
  }
}

mock_resource "google_monitoring_dashboard" {
  defaults = {
    id = "projects/123456789/dashboards/some"
  }
}
