locals {
  # Each setting once, with the functions that read it: `shared/settings.py` has the same, and a test compares.
  # What is not here keeps its default: addresses of Google, and whatever is for a machine of one's own.
  settings = {
    PROJECT   = { value = var.project_id, functions = keys(local.functions) }
    PRACTICES = { value = join(",", sort(var.practices)), functions = keys(local.functions) }
    DATABASE  = { value = google_firestore_database.main.name, functions = ["oauth_callback", "sync_task", "channel_renewer", "settings_api"] }

    TASKS_LOCATION = { value = var.region, functions = local.enqueuers }
    QUEUE_LIVE     = { value = google_cloud_tasks_queue.main["live"].name, functions = local.enqueuers }
    QUEUE_BULK     = { value = google_cloud_tasks_queue.main["bulk"].name, functions = local.enqueuers }
    SYNC_TASK_URL  = { value = local.service_urls.sync_task, functions = local.enqueuers }
    TASKS_AUDIENCE = { value = local.service_urls.sync_task, functions = local.enqueuers }
    TASKS_INVOKER  = { value = google_service_account.tasks_invoker.email, functions = local.enqueuers }

    PUSH_URL           = { value = "${local.public_urls.push_webhook}/google", functions = ["sync_task"] }
    OAUTH_REDIRECT_URL = { value = "${local.public_urls.oauth_callback}/oauth/callback", functions = ["oauth_callback", "settings_api"] }
    SCHEDULER_AUDIENCE = { value = local.service_urls.channel_renewer, functions = ["channel_renewer"] }
    SCHEDULER_INVOKER  = { value = google_service_account.scheduler_invoker.email, functions = ["channel_renewer"] }

    BUCKET_S              = { value = lookup(var.settings, "BUCKET_S", null), functions = local.enqueuers }
    GOOGLE_ANY_CALENDAR   = { value = lookup(var.settings, "GOOGLE_ANY_CALENDAR", null), functions = ["oauth_callback", "settings_api"] }
    GOOGLE_UNITS_A_SECOND = { value = lookup(var.settings, "GOOGLE_UNITS_A_SECOND", null), functions = ["sync_task", "settings_api"] }
    LEASE_S               = { value = lookup(var.settings, "LEASE_S", null), functions = ["sync_task", "settings_api"] }
    LOOK_MINUTES          = { value = lookup(var.settings, "LOOK_MINUTES", null), functions = ["channel_renewer"] }
    POLL_MINUTES          = { value = lookup(var.settings, "POLL_MINUTES", null), functions = ["channel_renewer"] }
  }

  environments = {
    for function in keys(local.functions) : function => {
      for name, setting in local.settings :
      "CALSYNC_${name}" => setting.value if contains(setting.functions, function) && setting.value != null
    }
  }
}
