# What the module of a function refuses.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  name        = "some"
  description = "Some function"
  deploy = {
    project         = "doorbell-test"
    region          = "us-central1"
    prefix          = "doorbell"
    runtime         = "go126"
    build_account   = "projects/doorbell-test/serviceAccounts/build@doorbell-test.iam.gserviceaccount.com"
    repository      = "projects/doorbell-test/locations/us-central1/repositories/doorbell"
    source          = { bucket = "bucket", object = "source.zip" }
    environment     = {}
    database        = { name = "(default)", location = "us-central1" }
    trigger_account = "trigger@doorbell-test.iam.gserviceaccount.com"
    pubsub_agent    = "serviceAccount:agent@google.iam.gserviceaccount.com"
    fcm_role        = "projects/doorbell-test/roles/some"
    traces          = false
    sizing          = {}
  }
}

run "called_by_nobody" {
  command = plan
  module {
    source = "./function"
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "called_by_clients_and_documents" {
  command = plan
  module {
    source = "./function"
  }
  variables {
    public   = true
    document = { path = "calls/{call}", change = "written" }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "half_a_cpu_for_many" {
  command = plan
  module {
    source = "./function"
  }
  variables {
    public = true
    sizing = { cpu = "0.5" }
  }
  expect_failures = [google_cloudfunctions2_function.this]
}

run "half_a_cpu_for_one" {
  command = plan
  module {
    source = "./function"
  }
  variables {
    public = true
    sizing = { cpu = "0.5", concurrency = 1 }
  }
  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].available_cpu == "0.5"
    error_message = "The size is not taken."
  }
}
