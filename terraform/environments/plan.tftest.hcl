# The example environments plan; run with -test-directory=environments and -var-file.

mock_provider "archive" {}

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "google-beta" {
  source = "./tests/mocks"
}

run "plan" {
  command = plan
}
