locals {
  services = setunion(
    [
      "artifactregistry.googleapis.com",
      "calendar-json.googleapis.com", # of the OAuth client, which belongs to this project
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudscheduler.googleapis.com",
      "cloudtasks.googleapis.com",
      "firestore.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    var.domain == null ? [] : ["compute.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
    var.kms_key == null ? [] : ["cloudkms.googleapis.com", "eventarc.googleapis.com"],
  )
}

resource "google_project_service" "main" {
  for_each = local.services

  project            = var.project_id
  service            = each.value
  disable_on_destroy = false # others in the project may use it
}
