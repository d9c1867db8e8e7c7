module "sync" {
  source = "../../modules/sync"

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  practices      = var.practices

  settings      = var.settings
  min_instances = var.min_instances
  paused        = var.paused
  queue_suffix  = var.queue_suffix
  database      = var.database

  kms_key = var.kms_key
  domain  = var.domain
  budget  = var.budget
}
