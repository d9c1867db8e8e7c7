# Google sends people back with a code in the address: it is used at once and good once, but belongs in no log. The
# function's own lines stay.
resource "google_logging_project_exclusion" "codes" {
  name        = "oauth-callback-requests"
  description = "Addresses of oauth-callback hold codes of consents"
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.names.oauth_callback}\" AND log_id(\"run.googleapis.com/requests\")"

  depends_on = [google_project_service.main]
}
