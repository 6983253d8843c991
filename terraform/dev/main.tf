# To try: small bounds, and `terraform destroy` leaves nothing. Idle, it costs one small node, the cluster and the endpoints.

locals {
  name = "hashcore-dev"
}

module "storage" {
  source           = "../modules/storage"
  name             = var.bucket
  old_version_days = 1
  force_destroy    = true
}

module "network" {
  source  = "../modules/network"
  name    = local.name
  zones   = [for letter in var.zones : "${var.region}${letter}"]
  key_arn = module.storage.key_arn
}

module "iam" {
  source     = "../modules/iam"
  name       = local.name
  bucket_arn = module.storage.bucket_arn
  key_arn    = module.storage.key_arn
  pipeline   = var.pipeline
}

module "emr_serverless" {
  source            = "../modules/emr_serverless"
  name              = local.name
  maximum_cpu       = 32
  disk_gb           = 400
  idle_minutes      = 2
  subnet_ids        = module.network.subnet_ids
  security_group_id = module.network.workers_security_group_id
  bucket            = module.storage.bucket
  key_arn           = module.storage.key_arn
  pipeline          = var.pipeline
  role_arns         = module.iam.role_arns
}

module "ray" {
  source             = "../modules/ray"
  name               = local.name
  subnet_ids         = module.network.subnet_ids
  admin_cidrs        = var.admin_cidrs
  key_arn            = module.storage.key_arn
  train_role_arn     = module.iam.role_arns["train"]
  cpu_instance_types = ["m7i.xlarge", "m6i.xlarge"]
  cpu_maximum        = 2
  gpu_maximum        = 1
}
