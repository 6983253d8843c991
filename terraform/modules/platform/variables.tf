variable "name" {
  description = "Beginning of the names of everything but the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "bucket" {
  description = "Name of the bucket to make."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 58 lower-case letters, digits and hyphens."
  }
}

variable "zones" {
  description = "Names of the zones, a subnet in each; spot GPUs like more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "zones are names such as eu-central-1a."
  }
}

variable "pipeline" {
  description = "Prefix of the pipeline within the bucket; the roles reach nothing beside it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.pipeline))
    error_message = "pipeline is a path without a slash at its ends and without wild cards, such as runs/mnist."
  }
}

variable "admin_cidrs" {
  description = "Addresses from which Kubernetes is administered, such as yours: 203.0.113.7/32."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "admin_cidrs are IPv4 blocks such as 203.0.113.7/32, never the whole internet."
  }
}

variable "bounds" {
  description = "The most there may be at once (vCPU of Spark; GPU nodes of each kind of purchase; CPU nodes), after how many idle minutes Spark stops, and what is kept. What is left out is as the modules have it."
  type = object({
    maximum_cpu        = number
    gpu_maximum        = number
    cpu_maximum        = optional(number)
    cpu_instance_types = optional(list(string))
    idle_minutes       = optional(number)
    old_version_days   = optional(number)
    force_destroy      = optional(bool)
  })
  nullable = false

  validation {
    condition     = var.bounds.maximum_cpu >= 8 && var.bounds.gpu_maximum >= 0
    error_message = "bounds.maximum_cpu is 8 or more, bounds.gpu_maximum 0 or more."
  }
}
