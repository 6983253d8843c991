variable "region" {
  description = "Where everything is: where the corpus lies, since reading across regions costs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is one of AWS, such as eu-central-1."
  }
}

variable "zones" {
  description = "Letters of the region's zones, a subnet in each; spot GPUs like more."
  type        = list(string)
  default     = ["a", "b", "c"]
  nullable    = false

  validation {
    condition     = length(var.zones) >= 3 && alltrue([for letter in var.zones : can(regex("^[a-z]$", letter))])
    error_message = "zones are 3 letters or more, such as a and b."
  }
}

variable "bucket" {
  description = "Name of the bucket to make."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.bucket)) && !strcontains(var.bucket, "dev")
    error_message = "A bucket's name has 3 to 58 lower-case letters, digits and hyphens; `dev` is for the other root."
  }
}

variable "pipeline" {
  description = "Prefix of the pipeline within the bucket; the roles reach nothing beside it."
  type        = string
  default     = "runs/mnist"
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

variable "maximum_cpu" {
  description = "Most vCPU of Spark at once: the bound on what an hour can cost."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.maximum_cpu >= 64 && var.maximum_cpu <= 4000 && floor(var.maximum_cpu) == var.maximum_cpu
    error_message = "maximum_cpu is a whole number from 64 to 4000; dev is for less."
  }
}

variable "gpu_maximum" {
  description = "Most GPU nodes of each kind of purchase, spot and on demand."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.gpu_maximum >= 1 && var.gpu_maximum <= 100 && floor(var.gpu_maximum) == var.gpu_maximum
    error_message = "gpu_maximum is a whole number from 1 to 100."
  }
}
