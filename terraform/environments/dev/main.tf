# For trying things out: it can be destroyed whole, and holds no data of patients.
module "sync" {
  source = "../../modules/sync"

  project_id     = var.project_id
  project_number = var.project_number
  region         = var.region
  practices      = var.practices

  protected   = false
  backup_days = 1
}
