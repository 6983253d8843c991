# GPUs that cost nothing until they are asked for: as spot first, on demand where there is none.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/a-role" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

mock_provider "helm" {}

variables {
  name           = "hashcore"
  subnet_ids     = ["subnet-1", "subnet-2"]
  key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  train_role_arn = "arn:aws:iam::123456789012:role/hashcore-train"
}

run "gpus_are_spot_first_and_begin_at_none" {
  module {
    source = "./modules/ray"
  }

  assert {
    condition     = aws_eks_node_group.this["gpu-spot"].capacity_type == "SPOT" && aws_eks_node_group.this["gpu-on-demand"].capacity_type == "ON_DEMAND"
    error_message = "There is no spot group, or nothing to fall back to."
  }
  assert {
    condition     = alltrue([for group in ["gpu-spot", "gpu-on-demand"] : aws_eks_node_group.this[group].scaling_config[0].desired_size == 0])
    error_message = "GPUs would be paid for before they are used."
  }
  assert {
    condition     = contains(yamldecode(helm_release.autoscaler.values[0]).expanderPriorities["20"], ".*gpu-spot.*")
    error_message = "Spot is not tried first."
  }
}

run "the_api_is_private_unless_addresses_are_given" {
  module {
    source = "./modules/ray"
  }

  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The API is public."
  }
}

run "the_whole_internet_is_refused" {
  command = plan
  module {
    source = "./modules/ray"
  }
  variables {
    admin_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.admin_cidrs]
}
