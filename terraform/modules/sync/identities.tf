resource "google_service_account" "function" {
  for_each = local.names

  account_id   = each.value
  display_name = "Function ${each.value}"

  depends_on = [google_project_service.main]
}

# In whose name Cloud Tasks calls sync_task, and Cloud Scheduler channel_renewer: they may do nothing else.
resource "google_service_account" "tasks_invoker" {
  account_id   = "tasks-invoker"
  display_name = "Cloud Tasks calling sync-task"

  depends_on = [google_project_service.main]
}

resource "google_service_account" "scheduler_invoker" {
  account_id   = "scheduler-invoker"
  display_name = "Cloud Scheduler calling channel-renewer"

  depends_on = [google_project_service.main]
}

# Builds the images; without it new projects build as an account that may do far more, or nothing.
resource "google_service_account" "build" {
  account_id   = "function-build"
  display_name = "Builds the functions"

  depends_on = [google_project_service.main]
}

resource "google_project_iam_member" "build" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}
