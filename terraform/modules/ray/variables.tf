variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
  type        = string
  default     = "1.33"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.(3[1-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version is 1.31 or newer."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the nodes, in two zones or more."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "EKS needs subnets in two zones."
  }
}

variable "admin_cidrs" {
  description = "Addresses that may reach the cluster's API over the internet; none means from within the network only."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "admin_cidrs are IPv4 blocks such as 203.0.113.7/32, never the whole internet."
  }
}

variable "key_arn" {
  description = "Key of Kubernetes' secrets, of the logs and of the images."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.key_arn))
    error_message = "key_arn is the ARN of a KMS key."
  }
}

variable "train_role_arn" {
  description = "Role of the training's pods."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam:", var.train_role_arn))
    error_message = "train_role_arn is the ARN of a role."
  }
}

variable "gpu_instance_types" {
  description = "Kinds of GPU nodes, equal in GPUs and alike in cores; several make it likelier that one is to be had as spot."
  type        = list(string)
  default     = ["g6.2xlarge", "g5.2xlarge", "g6e.2xlarge"]
  nullable    = false

  validation {
    condition     = length(var.gpu_instance_types) >= 1 && alltrue([for kind in var.gpu_instance_types : can(regex("^(g|p)[0-9]", kind))])
    error_message = "gpu_instance_types are kinds with an NVIDIA GPU, such as g6.2xlarge."
  }
}

variable "gpu_maximum" {
  description = "Most GPU nodes of each of the two groups, spot and on demand; both begin at none."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.gpu_maximum >= 0 && var.gpu_maximum <= 100 && floor(var.gpu_maximum) == var.gpu_maximum
    error_message = "gpu_maximum is a whole number from 0 to 100."
  }
}

variable "cpu_instance_types" {
  description = "Kinds of the nodes that run the head, the operator and training on CPUs."
  type        = list(string)
  default     = ["m7i.2xlarge", "m6i.2xlarge"]
  nullable    = false

  validation {
    condition     = length(var.cpu_instance_types) >= 1
    error_message = "cpu_instance_types names at least one kind, such as m7i.2xlarge."
  }
}

variable "cpu_maximum" {
  description = "Most CPU nodes; one always runs, with the operator."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.cpu_maximum >= 1 && var.cpu_maximum <= 100 && floor(var.cpu_maximum) == var.cpu_maximum
    error_message = "cpu_maximum is a whole number from 1 to 100."
  }
}

variable "kuberay_version" {
  description = "Version of the KubeRay operator and of its chart."
  type        = string
  default     = "1.4.2"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.kuberay_version))
    error_message = "kuberay_version is three numbers, such as 1.4.2."
  }
}

variable "autoscaler_chart_version" {
  description = "Version of the chart of Kubernetes' cluster autoscaler."
  type        = string
  default     = "9.50.1"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.autoscaler_chart_version))
    error_message = "autoscaler_chart_version is three numbers, such as 9.50.1."
  }
}

variable "log_days" {
  description = "Days that the control plane's logs are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 3653], var.log_days)
    error_message = "log_days is one that CloudWatch knows, of a year or more: 365, 400, 545, 731, 1096, 1827 or 3653."
  }
}
