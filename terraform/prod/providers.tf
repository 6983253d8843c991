provider "aws" {
  region = var.region

  default_tags {
    tags = { project = "hashcore", stage = "prod" }
  }
}

provider "helm" {
  kubernetes = {
    host                   = module.platform.cluster.endpoint
    cluster_ca_certificate = base64decode(module.platform.cluster.certificate)
    exec = {
      api_version = "client.authentication.k8s.io/v1"
      command     = "aws"
      args        = ["eks", "get-token", "--region", var.region, "--cluster-name", module.platform.cluster.name]
    }
  }
}
