variable "name" {
  description = "Prefix of every role's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "bucket_arn" {
  description = "Bucket that holds the pipeline."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.bucket_arn))
    error_message = "bucket_arn is the ARN of a bucket, such as arn:aws:s3:::my-codes."
  }
}

variable "key_arn" {
  description = "Key that the bucket is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn is the ARN of a KMS key."
  }
}

variable "pipeline" {
  description = "Prefix of the pipeline within the bucket: its root is s3://<bucket>/<pipeline>."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", var.pipeline))
    error_message = "pipeline is a path without a slash at its ends and without wild cards, such as runs/mnist."
  }
}
