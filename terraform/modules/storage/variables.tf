variable "name" {
  description = "Name of the bucket; S3 shares its names among all of its users."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 58 lower-case letters, digits and hyphens (the log bucket adds 5)."
  }
}

variable "old_version_days" {
  description = "Days after which a replaced or deleted version of an object is removed for good."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.old_version_days >= 1 && floor(var.old_version_days) == var.old_version_days
    error_message = "old_version_days is a whole number of 1 or more."
  }
}

variable "unfinished_upload_days" {
  description = "Days after which the parts of a multi-part upload that was never completed are removed."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.unfinished_upload_days >= 1 && floor(var.unfinished_upload_days) == var.unfinished_upload_days
    error_message = "unfinished_upload_days is a whole number of 1 or more; the longest job must end within it."
  }
}

variable "log_days" {
  description = "Days that access logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.log_days >= 1 && floor(var.log_days) == var.log_days
    error_message = "log_days is a whole number of 1 or more."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` empties the buckets; only where the name says that nothing of value is in them."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.force_destroy || strcontains(var.name, "dev")
    error_message = "force_destroy is for buckets whose name contains `dev`."
  }
}
