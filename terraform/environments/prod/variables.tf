variable "project_id" {
  description = "Project of this environment, and of nothing else."
  type        = string
}

variable "project_number" {
  description = "Number of that project."
  type        = string
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "us-east1"
}

variable "practices" {
  description = "Keys of the practices that are served."
  type        = set(string)
}

variable "settings" {
  description = "What differs from the defaults in docs/configuration.md, by name without CALSYNC_."
  type        = map(string)
  default     = {}
}

variable "min_instances" {
  description = "Instances kept warm, by function."
  type        = map(number)
  default     = {}
}

variable "paused" {
  description = "Hold both queues and the scheduler."
  type        = bool
  default     = false
}

variable "database" {
  description = "Name of the Firestore database; another one after a restoration."
  type        = string
  default     = "calsync"
}

variable "queue_suffix" {
  description = "Ending of the queues' names, as -2."
  type        = string
  default     = ""
}

variable "kms_key" {
  description = "Key that encrypts everything, from the first apply on; null: Google's."
  type        = string
  default     = null
}

variable "domain" {
  description = "Domain below which the public functions are reached; null: addresses of Cloud Run."
  type = object({
    name       = string
    ssl_policy = optional(string)
  })
  default = null
}

variable "budget" {
  description = "Monthly budget; null: none."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null
}
