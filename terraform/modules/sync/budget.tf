resource "google_billing_budget" "main" {
  for_each = var.budget == null ? {} : { main = var.budget }

  billing_account = each.value.billing_account
  display_name    = "calsync in ${var.project_id}"

  budget_filter {
    projects = ["projects/${var.project_number}"]
  }

  amount {
    specified_amount {
      units = tostring(each.value.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  depends_on = [google_project_service.main]
}
