locals {
  # Every field that is queried; of no other field is there an index. Each entry of an index is a write that is
  # paid for, and indexes of times that only grow limit how fast anything is written.
  queried_fields = {
    accounts     = {}
    activity     = { appointments = local.contains }
    calendars    = { connection = local.ordered, due_at = local.ordered, look_slot = local.ordered }
    connections  = { practice = local.ordered, sub = local.ordered }
    entitlements = {}
    feeds        = {}
    followed     = {}
    grants       = { sub = local.ordered }
    invites      = { practice = local.ordered }
    items        = { aside = local.ordered, appointment_id = local.ordered, event_id = local.ordered, retry_at = local.ordered }
    notices      = { connection = local.ordered, send_at = local.ordered, unseen = local.ordered }
    oauth_states = { sub = local.ordered }
    practices    = { poll_slot = local.ordered }
    reviews      = { connection = local.ordered }
    series       = { retry_at = local.ordered }
  }
  ordered  = { order = "ASCENDING", array_config = null }
  contains = { order = null, array_config = "CONTAINS" }

  # Queries by more than one field.
  composite_indexes = {
    # Whose calendars have these appointments: of all calendars of a practice at once.
    appointments = { collection = "items", scope = "COLLECTION_GROUP", fields = ["practice", "appointment_id"] }
  }

  # Collections whose documents end by themselves, within a day of this time.
  expiring = ["activity", "feeds", "invites", "items", "notices", "oauth_states", "reviews"]

  queried = merge([
    for collection, fields in local.queried_fields : {
      for field, index in fields : "${collection}.${field}" => { collection = collection, field = field, index = index }
    }
  ]...)

  # Of the store's own roles the reading one is enough for who only looks for what is due.
  store_roles = {
    oauth_callback  = "roles/datastore.user"
    sync_task       = "roles/datastore.user"
    settings_api    = "roles/datastore.user"
    channel_renewer = "roles/datastore.viewer"
  }
}

resource "google_firestore_database" "main" {
  name                              = var.database
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  database_edition                  = "STANDARD"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.protected ? "ABANDON" : "DELETE" # abandoned: it lives on, unknown to Terraform

  dynamic "cmek_config" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.main]
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.main.name
  retention = "${var.backup_days * 86400}s"

  daily_recurrence {}
}

resource "google_firestore_field" "unindexed" {
  for_each = local.queried_fields

  database   = google_firestore_database.main.name
  collection = each.key
  field      = "*"

  index_config {} # none
}

resource "google_firestore_field" "queried" {
  for_each = local.queried

  database   = google_firestore_database.main.name
  collection = each.value.collection
  field      = each.value.field

  index_config {
    indexes {
      order        = each.value.index.order
      array_config = each.value.index.array_config
      query_scope  = "COLLECTION"
    }
  }
}

resource "google_firestore_field" "expiring" {
  for_each = toset(local.expiring)

  database   = google_firestore_database.main.name
  collection = each.value
  field      = "expire_at"

  ttl_config {}
  index_config {} # nobody asks for it, and the times of one day stand close together
}

resource "google_firestore_index" "composite" {
  for_each = local.composite_indexes

  database    = google_firestore_database.main.name
  collection  = each.value.collection
  query_scope = each.value.scope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path = fields.value
      order      = "ASCENDING"
    }
  }
}

resource "google_project_iam_member" "store" {
  for_each = local.store_roles

  project = var.project_id
  role    = each.value
  member  = google_service_account.function[each.key].member

  condition {
    title       = "this_database"
    description = "No other database of the project"
    expression  = "resource.name == \"projects/${var.project_id}/databases/${var.database}\""
  }
}
