# To try: small bounds, and `terraform destroy` leaves nothing. Idle, it costs one small node, the cluster and the endpoints.

module "platform" {
  source      = "../modules/platform"
  name        = "hashcore-dev"
  bucket      = var.bucket
  zones       = [for letter in var.zones : "${var.region}${letter}"]
  pipeline    = var.pipeline
  admin_cidrs = var.admin_cidrs
  bounds = {
    maximum_cpu        = 32
    idle_minutes       = 2
    cpu_instance_types = ["m7i.xlarge", "m6i.xlarge"]
    cpu_maximum        = 2
    gpu_maximum        = 1
    old_version_days   = 1
    force_destroy      = true
  }
}
