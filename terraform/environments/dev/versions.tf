terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9.0"
    }
  }

  # The bucket is made before: terraform init -backend-config="bucket=BUCKET"
  backend "gcs" {
    prefix = "calsync/dev"
  }
}

provider "google" {
  project = var.project_id
  region  = var.region

  default_labels = {
    app         = "calsync"
    environment = "dev"
  }
}
