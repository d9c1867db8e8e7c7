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
