variable "project_id" {
  description = "Project that all of it runs in. One deployment a project: the names of secrets are fixed."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id: 6 to 30 small letters, digits and hyphens, beginning with a letter."
  }
}

variable "project_number" {
  description = "Number of that project: with it the addresses of functions are known before there are any."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{6,19}$", var.project_number))
    error_message = "Digits only: gcloud projects describe PROJECT --format='value(projectNumber)'."
  }
}

variable "region" {
  description = "Region of everything, secrets and Firestore too. Where Firestore is can never be changed."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "One region, as us-east1: a multi-region has no queues and no functions."
  }
}

variable "practices" {
  description = "Keys of the practices that are served. Each has the secrets practice-KEY and practice-KEY-hooks."
  type        = set(string)

  validation {
    condition     = length(var.practices) > 0
    error_message = "At least one practice: the functions do not start without."
  }

  validation {
    condition     = alltrue([for key in var.practices : can(regex("^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", key))])
    error_message = "A key is up to 40 small letters, digits and hyphens: it is part of addresses and of secrets' names."
  }

  validation {
    condition     = alltrue([for key in var.practices : !endswith(key, "-hooks")])
    error_message = "A key may not end in -hooks: practice-KEY would be the name of another practice's hooks secret."
  }
}

variable "bundles_folder" {
  description = "Folder with one zip for each function, as `make bundles` writes them; without it, dist/ of this checkout."
  type        = string
  default     = null
}

variable "runtime" {
  description = "Runtime of the functions."
  type        = string
  default     = "python313"

  validation {
    condition     = contains(["python311", "python312", "python313"], var.runtime)
    error_message = "python311, python312 or python313: later ones install without regard to pip's hashes until that is tried."
  }
}

variable "settings" {
  description = "What differs from the defaults in docs/configuration.md, by name without CALSYNC_, as { LOOK_MINUTES = \"5\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for name in keys(var.settings) : contains([
      "BUCKET_S", "GOOGLE_ANY_CALENDAR", "GOOGLE_UNITS_A_SECOND", "LEASE_S", "LOOK_MINUTES", "POLL_MINUTES",
    ], name)])
    error_message = "Only BUCKET_S, GOOGLE_ANY_CALENDAR, GOOGLE_UNITS_A_SECOND, LEASE_S, LOOK_MINUTES and POLL_MINUTES: the rest follows from what is deployed, or is for a machine of one's own."
  }

  validation {
    # A job must end by itself before the platform ends it, and a pause waits for as long as a lease.
    condition     = try(tonumber(lookup(var.settings, "LEASE_S", "90")) <= 100, false)
    error_message = "LEASE_S may be 100 at most: functions that wait for a lease have 120 seconds."
  }
}

variable "min_instances" {
  description = "Instances kept warm, by function; each is paid for around the clock."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for name, count in var.min_instances : contains([
      "oauth_callback", "push_webhook", "sync_task", "channel_renewer", "settings_api",
    ], name) && count >= 0 && count <= 5 && floor(count) == count])
    error_message = "By function, as { push_webhook = 1 }: whole numbers from 0 to 5."
  }
}

variable "database" {
  description = "Name of the Firestore database."
  type        = string
  default     = "calsync"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "4 to 63 small letters, digits and hyphens; (default) is not taken, so that a database can be given up."
  }
}

variable "backup_days" {
  description = "How long a daily backup of the database is kept, in days; also, any minute of the last 7 days can be restored."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 98 && floor(var.backup_days) == var.backup_days
    error_message = "Whole days, 1 to 98: Firestore keeps a backup for 14 weeks at most."
  }
}

variable "queue_suffix" {
  description = "Ending of the queues' names. The name of a deleted queue is blocked for days: with another one it goes on at once."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(-[a-z0-9]{1,20})?$", var.queue_suffix))
    error_message = "Empty, or a hyphen and up to 20 small letters and digits, as -2."
  }
}

variable "paused" {
  description = "Hold both queues and the scheduler: nothing is synced, what arrives is kept."
  type        = bool
  default     = false
  nullable    = false
}

variable "protected" {
  description = "Whether destroying leaves what cannot be made again: the database lives on, and secrets are refused to go."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key" {
  description = "Full id of a key in the same region that encrypts database, secrets, sources, images and functions; without it, Google's. Can never be changed for the database."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY, in the region of everything else."
  }
}

variable "domain" {
  description = "Domain below which the public functions are reached through a load balancer, as settings-api.DOMAIN; without it they have addresses of Cloud Run. ssl_policy: self link of a policy for TLS, if wanted."
  type = object({
    name       = string
    ssl_policy = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "A domain name in small letters, as sync.example.com."
  }
}

variable "budget" {
  description = "Monthly budget in the billing account's own currency; mails go to its administrators at 50, 90 and 100 %. Whoever applies this needs rights on the billing account."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "billing_account as 012345-6789AB-CDEF01."
  }

  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "amount: a whole number of at least 1."
  }
}
