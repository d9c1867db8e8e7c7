locals {
  # What differs between the functions. Seconds are between two others: a request may wait for a lease (90 s
  # unless set otherwise), and a task is tried again after 180 s, when its last try must have ended.
  functions = {
    oauth_callback = {
      description     = "Google sends people back here after consent"
      is_public       = true
      cpu             = "1"
      memory          = "512Mi"
      concurrency     = 20
      max_instances   = 5
      timeout_seconds = 60
    }
    push_webhook = {
      description     = "Google and EHRs say here that something changed"
      is_public       = true
      cpu             = "1"
      memory          = "512Mi"
      concurrency     = 40
      max_instances   = 10
      timeout_seconds = 15
    }
    sync_task = {
      description     = "Runs what the queues hand it: one bounded job at a time"
      is_public       = false
      cpu             = "1"
      memory          = "1Gi"
      concurrency     = 8
      max_instances   = 8 # with concurrency, more than the queues let run at once: a 429 slows a whole queue
      timeout_seconds = 150
    }
    channel_renewer = {
      description     = "Every minute: asks for whatever is due"
      is_public       = false
      cpu             = "1"
      memory          = "512Mi"
      concurrency     = 1
      max_instances   = 2 # a run that takes long may overlap with the next: asking twice is nothing
      timeout_seconds = 120
    }
    settings_api = {
      description     = "The EHR's front end calls this"
      is_public       = true
      cpu             = "1"
      memory          = "512Mi"
      concurrency     = 20
      max_instances   = 10
      timeout_seconds = 120
    }
  }

  # Kebab-case: only then is the service of Cloud Run called as the function is.
  names = { for key in keys(local.functions) : key => replace(key, "_", "-") }

  public_functions = { for key, function in local.functions : key => local.names[key] if function.is_public }

  service_urls = { for key, name in local.names : key => "https://${name}-${var.project_number}.${var.region}.run.app" }

  public_urls = {
    for key, name in local.public_functions :
    key => var.domain == null ? local.service_urls[key] : "https://${name}.${var.domain.name}"
  }

  bundles_folder = coalesce(var.bundles_folder, "${path.module}/../../../dist")
  bundles        = { for key in keys(local.functions) : key => fileset(local.bundles_folder, "${key}-*.zip") }
}

resource "google_cloudfunctions2_function" "main" {
  for_each = local.functions

  name        = local.names[each.key]
  description = each.value.description
  location    = var.region

  kms_key_name = var.kms_key

  build_config {
    runtime           = var.runtime
    entry_point       = "main"
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.main.id

    automatic_update_policy {} # patches of the base image arrive without a deployment

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.bundle[each.key].name
      }
    }
  }

  service_config {
    service_account_email = google_service_account.function[each.key].email
    ingress_settings      = each.value.is_public ? (var.domain == null ? "ALLOW_ALL" : "ALLOW_INTERNAL_AND_GCLB") : "ALLOW_INTERNAL_ONLY"

    available_cpu                    = each.value.cpu
    available_memory                 = each.value.memory
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = lookup(var.min_instances, each.key, 0)
    max_instance_count               = each.value.max_instances
    timeout_seconds                  = each.value.timeout_seconds
    all_traffic_on_latest_revision   = true

    environment_variables = merge(local.environments[each.key], {
      LOG_EXECUTION_ID = "true"                           # set by the platform anyway: unsaid, every plan would take it away
      THREADS          = tostring(each.value.concurrency) # of the framework's one worker
    })
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_firestore_field.queried,
    google_firestore_index.composite,
    google_kms_crypto_key_iam_member.agent,
    google_project_iam_member.build,
    google_project_iam_member.store,
    google_secret_manager_secret_iam_member.reader,
    google_storage_bucket_iam_member.build,
  ]
}

# Cloud Run asks for this role on the service; a role on the function would not open it.
resource "google_cloud_run_service_iam_member" "public" {
  for_each = local.public_functions

  project  = var.project_id
  location = var.region
  service  = google_cloudfunctions2_function.main[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.main[each.key].id] # gone with a function that is made anew
  }
}

resource "google_cloud_run_service_iam_member" "private" {
  for_each = {
    sync_task       = google_service_account.tasks_invoker.member
    channel_renewer = google_service_account.scheduler_invoker.member
  }

  project  = var.project_id
  location = var.region
  service  = google_cloudfunctions2_function.main[each.key].name
  role     = "roles/run.invoker"
  member   = each.value

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.main[each.key].id]
  }
}
