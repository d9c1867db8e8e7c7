resource "google_storage_bucket" "source" {
  name     = "${var.project_id}-function-source"
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # nothing is in it that cannot be built again

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 90
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle {
    postcondition {
      condition     = tostring(self.project_number) == var.project_number
      error_message = "project_number is not the number of project_id: the functions would be told wrong addresses."
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.main]
}

resource "google_storage_bucket_object" "bundle" {
  for_each = local.functions

  bucket       = google_storage_bucket.source.name
  name         = one(local.bundles[each.key]) # its name has the hash of what is in it: changed sources are a new object
  source       = "${local.bundles_folder}/${coalesce(one(local.bundles[each.key]), "missing")}"
  content_type = "application/zip"

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(local.bundles[each.key]) == 1
      error_message = "There has to be exactly one ${each.key}-*.zip in ${local.bundles_folder}: run make bundles first."
    }
  }
}

resource "google_storage_bucket_iam_member" "build" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_artifact_registry_repository" "main" {
  repository_id = "functions"
  description   = "Images of the functions"
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = var.kms_key

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.main]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  location   = var.region
  repository = google_artifact_registry_repository.main.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
