variable "name" {
  description = "Name of the application."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "release_label" {
  description = "Release of EMR that brings Spark 4; the jobs are written against its 4.0 API. `aws emr list-release-labels` shows those of your region."
  type        = string
  default     = "emr-spark-8.0.0"
  nullable    = false

  validation {
    condition     = can(regex("^emr-spark-(8|9|[1-9][0-9]+)\\.[0-9]+", var.release_label))
    error_message = "release_label is a release with Spark 4: emr-spark-8.0 or newer (emr-7 has Spark 3)."
  }
}

variable "maximum_cpu" {
  description = "Most vCPU at once, over all jobs: the bound on what an hour can cost."
  type        = number
  default     = 64
  nullable    = false

  validation {
    condition     = var.maximum_cpu >= 8 && var.maximum_cpu <= 4000 && floor(var.maximum_cpu) == var.maximum_cpu
    error_message = "maximum_cpu is a whole number from 8 (a driver and one executor) to 4000."
  }
}

variable "memory_gb_per_cpu" {
  description = "GB of memory for each vCPU: 8 holds a shard of 64 M codes of 64 bits beside its build on 4 vCPU."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = contains([2, 4, 6, 8], var.memory_gb_per_cpu)
    error_message = "memory_gb_per_cpu is 2, 4, 6 or 8."
  }
}

variable "disk_gb" {
  description = "Most GB of local disk at once: each executor's cache of shards."
  type        = number
  default     = 3200
  nullable    = false

  validation {
    condition     = var.disk_gb >= 40 && floor(var.disk_gb) == var.disk_gb
    error_message = "disk_gb is a whole number of 40 or more."
  }
}

variable "idle_minutes" {
  description = "Minutes without a job after which the application stops, and costs nothing."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.idle_minutes >= 1 && var.idle_minutes <= 60 && floor(var.idle_minutes) == var.idle_minutes
    error_message = "idle_minutes is a whole number from 1 to 60."
  }
}

variable "subnet_ids" {
  description = "Private subnets that the workers run in."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids names at least one subnet."
  }
}

variable "security_group_id" {
  description = "Group of the workers."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.security_group_id) > 0
    error_message = "security_group_id is empty."
  }
}

variable "bucket" {
  description = "Bucket of pipeline and artefacts."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.bucket) >= 3
    error_message = "bucket is the name of a bucket."
  }
}

variable "key_arn" {
  description = "Key that logs are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn is the ARN of a KMS key."
  }
}

variable "pipeline" {
  description = "Prefix of the pipeline within the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.pipeline))
    error_message = "pipeline is a path without a slash at its ends and without wild cards, such as runs/mnist."
  }
}

variable "role_arns" {
  description = "Role of each kind of job."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["encode", "index", "search", "evaluate"], keys(var.role_arns))) == 0
    error_message = "role_arns names a role for encode, index, search and evaluate."
  }
}

variable "log_days" {
  description = "Days that Spark's logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 3653], var.log_days)
    error_message = "log_days is one that CloudWatch knows, of a year or more: 365, 400, 545, 731, 1096, 1827 or 3653."
  }
}
