locals {
  # Google's own accounts of the services that encrypt with a key of ours. They exist only once the service was
  # used or asked for them: docs/deploy.md has the command.
  key_users = {
    artifactregistry = "gcp-sa-artifactregistry"
    eventarc         = "gcp-sa-eventarc"
    firestore        = "gcp-sa-firestore"
    functions        = "gcf-admin-robot"
    run              = "serverless-robot-prod"
    secretmanager    = "gcp-sa-secretmanager"
    storage          = "gs-project-accounts"
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = var.kms_key == null ? {} : local.key_users

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${var.project_number}@${each.value}.iam.gserviceaccount.com"

  depends_on = [google_project_service.main]
}
