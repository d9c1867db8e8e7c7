locals {
  # Tasks of a queue that run at the same time.
  queues = {
    live = { at_once = 32 } # what somebody waits for
    bulk = { at_once = 16 } # long work, one slice after the other
  }

  enqueuers = ["push_webhook", "sync_task", "channel_renewer", "settings_api"]

  # What says only that something changed never makes long work: the exposed function reaches one queue.
  queues_of = {
    push_webhook    = ["live"]
    sync_task       = ["live", "bulk"]
    channel_renewer = ["live", "bulk"]
    settings_api    = ["live", "bulk"]
  }

  enqueuing = merge([
    for function, queues in local.queues_of : { for queue in queues : "${function}/${queue}" => { function = function, queue = queue } }
  ]...)
}

resource "google_cloud_tasks_queue" "main" {
  for_each = local.queues

  name          = "${each.key}${var.queue_suffix}"
  location      = var.region
  desired_state = var.paused ? "PAUSED" : "RUNNING"

  rate_limits {
    max_dispatches_per_second = 500
    max_concurrent_dispatches = each.value.at_once
  }

  # Of a task whose handler crashed; what fails outside is made again by the handler itself. A task is given up
  # when attempts and duration are both used up.
  retry_config {
    max_attempts       = 15
    max_retry_duration = "21600s"
    min_backoff        = "2s"
    max_backoff        = "900s"
    max_doublings      = 7
  }

  depends_on = [google_project_service.main]
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  for_each = local.enqueuing

  location = var.region
  name     = google_cloud_tasks_queue.main[each.value.queue].name
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.function[each.value.function].member
}

# Whoever makes a task that carries a token has to be allowed to act as the account of that token.
resource "google_service_account_iam_member" "tasks_invoker" {
  for_each = local.queues_of

  service_account_id = google_service_account.tasks_invoker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.function[each.key].member
}
