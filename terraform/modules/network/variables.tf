variable "name" {
  description = "Prefix of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "cidr" {
  description = "Addresses of the network; /16 leaves 4,096 to each of up to 16 subnets."
  type        = string
  default     = "10.40.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "cidr is an IPv4 block of /20 or larger, such as 10.40.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, a private subnet in each; EKS needs two, spot GPUs like more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones names 2 to 6 different zones, such as [\"eu-central-1a\", \"eu-central-1b\"]."
  }
}

variable "interface_endpoints" {
  description = "Services that are reached by an endpoint, since there is no way to the internet. Each costs some 8 USD a month and zone."
  type        = set(string)
  default     = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "autoscaling", "kms", "logs", "sts"]
  nullable    = false

  validation {
    condition     = length(setsubtract(["ecr.api", "ecr.dkr", "kms", "logs", "sts"], var.interface_endpoints)) == 0
    error_message = "interface_endpoints holds at least ecr.api, ecr.dkr, kms, logs and sts."
  }
}

variable "key_arn" {
  description = "Key that the record of connections is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn is the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the record of connections is kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 3653], var.log_days)
    error_message = "log_days is one that CloudWatch knows, of a year or more: 365, 400, 545, 731, 1096, 1827 or 3653."
  }
}
