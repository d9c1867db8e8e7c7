resource "google_cloud_scheduler_job" "channel_renewer" {
  name             = "channel-renewer"
  description      = "Every minute: whatever is due"
  region           = var.region
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.functions.channel_renewer.timeout_seconds + 10}s"
  paused           = var.paused

  # A run that was missed is made good by the next one.
  retry_config {
    retry_count          = 1
    min_backoff_duration = "5s"
  }

  http_target {
    http_method = "POST"
    uri         = "${local.service_urls.channel_renewer}/"

    oidc_token {
      service_account_email = google_service_account.scheduler_invoker.email
      audience              = local.service_urls.channel_renewer
    }
  }

  depends_on = [google_cloud_run_service_iam_member.private, google_project_service.main]
}
