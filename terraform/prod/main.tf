# For work that matters: old versions are kept for a month, and the bucket outlives `terraform destroy`.

locals {
  name = "hashcore"
}

module "storage" {
  source = "../modules/storage"
  name   = var.bucket
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
  maximum_cpu       = var.maximum_cpu
  disk_gb           = 25 * var.maximum_cpu
  subnet_ids        = module.network.subnet_ids
  security_group_id = module.network.workers_security_group_id
  bucket            = module.storage.bucket
  key_arn           = module.storage.key_arn
  pipeline          = var.pipeline
  role_arns         = module.iam.role_arns
}

module "ray" {
  source         = "../modules/ray"
  name           = local.name
  subnet_ids     = module.network.subnet_ids
  admin_cidrs    = var.admin_cidrs
  key_arn        = module.storage.key_arn
  train_role_arn = module.iam.role_arns["train"]
  gpu_maximum    = var.gpu_maximum
}
