terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }

  backend "s3" { # terraform init -backend-config=bucket=... -backend-config=region=...
    key          = "hashcore/prod.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
