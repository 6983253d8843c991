# For work that matters: old versions are kept for a month, and the bucket outlives `terraform destroy`.

module "platform" {
  source      = "../modules/platform"
  name        = "hashcore"
  bucket      = var.bucket
  zones       = [for letter in var.zones : "${var.region}${letter}"]
  pipeline    = var.pipeline
  admin_cidrs = var.admin_cidrs
  bounds = {
    maximum_cpu = var.maximum_cpu
    gpu_maximum = var.gpu_maximum
  }
}
