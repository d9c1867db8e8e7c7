output "oauth_redirect_url" {
  description = "To be registered with the OAuth client at Google, exactly so."
  value       = google_cloudfunctions2_function.main["settings_api"].service_config[0].environment_variables.CALSYNC_OAUTH_REDIRECT_URL
}

output "settings_api_url" {
  description = "Base of the addresses that the EHR's front end calls."
  value       = local.public_urls.settings_api
  depends_on  = [google_cloud_run_service_iam_member.public]
}

output "hook_urls" {
  description = "By practice: where its EHR says that something changed."
  value       = { for key in var.practices : key => "${local.public_urls.push_webhook}/ehr/${key}" }
  depends_on  = [google_cloud_run_service_iam_member.public]
}

output "push_url" {
  description = "Where Google says that a calendar changed. The sync tells Google itself; the domain may have to be verified."
  value       = google_cloudfunctions2_function.main["sync_task"].service_config[0].environment_variables.CALSYNC_PUSH_URL
}

output "secrets" {
  description = "Secrets that wait for a first version, each with the functions that read it."
  value       = { for name, secret in google_secret_manager_secret.main : secret.secret_id => local.secrets[name] }
}

output "service_accounts" {
  description = "E-mail of each function's account. An EHR that trusts Google's ID tokens is to trust that of sync_task and settings_api."
  value       = { for key, account in google_service_account.function : key => account.email }
}

output "load_balancer_address" {
  description = "What the names below the domain have to point to; null without one."
  value       = one([for address in google_compute_global_address.main : address.address])
}

output "database" {
  description = "Name of the Firestore database."
  value       = google_firestore_database.main.name
}
