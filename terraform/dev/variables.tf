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
  default     = ["a", "b"]
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && alltrue([for letter in var.zones : can(regex("^[a-z]$", letter))])
    error_message = "zones are 2 letters or more, such as a and b."
  }
}

variable "bucket" {
  description = "Name of the bucket to make."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.bucket)) && strcontains(var.bucket, "dev")
    error_message = "The bucket of dev has `dev` in its name: it is emptied by `terraform destroy`."
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
