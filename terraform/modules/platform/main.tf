# All that a pipeline needs, wired together: a bucket, a network, a role for each job, Spark and Ray. The roots `dev` and
# `prod` say how large it may become, and what is left of it in the end.

module "storage" {
  source           = "../storage"
  name             = var.bucket
  old_version_days = var.bounds.old_version_days
  force_destroy    = var.bounds.force_destroy
}

module "network" {
  source  = "../network"
  name    = var.name
  zones   = var.zones
  key_arn = module.storage.key_arn
}

module "iam" {
  source     = "../iam"
  name       = var.name
  bucket_arn = module.storage.bucket_arn
  key_arn    = module.storage.key_arn
  pipeline   = var.pipeline
}

module "emr_serverless" {
  source            = "../emr_serverless"
  name              = var.name
  maximum_cpu       = var.bounds.maximum_cpu
  disk_gb           = max(400, 25 * var.bounds.maximum_cpu)
  idle_minutes      = var.bounds.idle_minutes
  subnet_ids        = module.network.subnet_ids
  security_group_id = module.network.workers_security_group_id
  bucket            = module.storage.bucket
  key_arn           = module.storage.key_arn
  pipeline          = var.pipeline
  role_arns         = module.iam.role_arns
}

module "ray" {
  source             = "../ray"
  name               = var.name
  subnet_ids         = module.network.subnet_ids
  admin_cidrs        = var.admin_cidrs
  key_arn            = module.storage.key_arn
  train_role_arn     = module.iam.role_arns["train"]
  cpu_instance_types = var.bounds.cpu_instance_types
  cpu_maximum        = var.bounds.cpu_maximum
  gpu_maximum        = var.bounds.gpu_maximum
}
