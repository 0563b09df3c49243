terraform {
  required_version = ">= 1.11"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "2.7.1"
    }
    google = {
      source  = "hashicorp/google"
      version = "7.14.1"
    }
    # Firebase, its Hosting and budgets are only here, or only work with what it sets below.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "7.14.1"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

# Firebase's APIs refuse a person's credentials without a project to count the
# request against. The APIs have to be enabled first, which google above does.
provider "google-beta" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
}
