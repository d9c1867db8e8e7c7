# Off unless `domain` is set: the public functions below a domain of one's own, each with a name of its own, so that
# no path is rewritten. The functions are then reached through the load balancer alone.
locals {
  domain_names = var.domain == null ? [] : [for name in values(local.public_functions) : "${name}.${var.domain.name}"]
  balanced     = var.domain == null ? toset([]) : toset(["main"])
}

resource "google_compute_global_address" "main" {
  for_each = local.balanced

  name = "calsync"

  depends_on = [google_project_service.main]
}

resource "google_compute_region_network_endpoint_group" "main" {
  for_each = local.balanced

  name                  = "calsync"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    url_mask = "<service>.${var.domain.name}"
  }

  depends_on = [google_project_service.main]
}

resource "google_compute_backend_service" "main" {
  for_each = local.balanced

  name                  = "calsync"
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"

  backend {
    group = google_compute_region_network_endpoint_group.main[each.key].id
  }
}

resource "google_compute_url_map" "main" {
  for_each = local.balanced

  name            = "calsync"
  default_service = google_compute_backend_service.main[each.key].id
}

resource "google_compute_managed_ssl_certificate" "main" {
  for_each = local.balanced

  name = "calsync-${substr(sha256(join(",", local.domain_names)), 0, 8)}"

  managed {
    domains = local.domain_names
  }

  lifecycle {
    create_before_destroy = true # the one in use cannot be deleted
  }

  depends_on = [google_project_service.main]
}

resource "google_compute_target_https_proxy" "main" {
  for_each = local.balanced

  name             = "calsync"
  url_map          = google_compute_url_map.main[each.key].id
  ssl_certificates = [google_compute_managed_ssl_certificate.main[each.key].id]
  ssl_policy       = var.domain.ssl_policy
}

resource "google_compute_global_forwarding_rule" "main" {
  for_each = local.balanced

  name                  = "calsync"
  target                = google_compute_target_https_proxy.main[each.key].id
  ip_address            = google_compute_global_address.main[each.key].id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}
