locals {
  with_grants = ["oauth_callback", "settings_api", "sync_task"]

  # Who reads what: `shared/settings.py` has the same, and a test compares. Values are never here, nor in the state.
  secrets = merge(
    {
      channel-keys        = ["push_webhook", "sync_task"]
      google-oauth-client = local.with_grants
      identity-key        = local.with_grants
      state-keys          = ["oauth_callback", "settings_api"]
      token-keys          = local.with_grants
    },
    { for key in var.practices : "practice-${key}" => local.with_grants },
    { for key in var.practices : "practice-${key}-hooks" => ["push_webhook", "sync_task"] },
  )

  secret_readers = merge([
    for secret, functions in local.secrets : { for function in functions : "${secret}/${function}" => { secret = secret, function = function } }
  ]...)
}

resource "google_secret_manager_secret" "main" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.protected
  version_destroy_ttl = "604800s" # a version destroyed by mistake can be had back for a week

  replication {
    user_managed {
      replicas {
        location = var.region

        dynamic "customer_managed_encryption" {
          for_each = var.kms_key == null ? [] : [var.kms_key]
          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.main]
}

# Of a key that is being changed every enabled version is read: the accessor's role cannot list them, and the
# viewer's cannot read them.
resource "google_project_iam_custom_role" "secret_reader" {
  role_id     = "calsyncSecretReader"
  title       = "Reads the versions of a secret"
  permissions = ["secretmanager.versions.access", "secretmanager.versions.list"]
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.secret_readers

  secret_id = google_secret_manager_secret.main[each.value.secret].secret_id
  role      = google_project_iam_custom_role.secret_reader.id
  member    = google_service_account.function[each.value.function].member
}
