# The parts fit together: the commands name the bucket that is made, and bounds reach what they bound.

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
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::my-codes" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/a-role" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:a" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
  mock_resource "aws_emrserverless_application" {
    defaults = { id = "00f1abcdefgh" }
  }
}

mock_provider "helm" {}

variables {
  name        = "hashcore"
  bucket      = "my-codes"
  zones       = ["eu-central-1a", "eu-central-1b"]
  pipeline    = "runs/mnist"
  admin_cidrs = ["203.0.113.7/32"]
  bounds      = { maximum_cpu = 64, gpu_maximum = 2 }
}

run "the_commands_name_the_bucket_and_the_application" {
  module {
    source = "./modules/platform"
  }

  assert {
    condition     = alltrue([for command in values(output.submit) : strcontains(command, "--application-id 00f1abcdefgh")])
    error_message = "A command of Spark names another application."
  }
  assert {
    condition     = strcontains(output.upload, "s3://my-codes")
    error_message = "The files go to another bucket."
  }
}

run "what_is_left_out_of_the_bounds_is_as_the_modules_have_it" {
  module {
    source = "./modules/platform"
  }

  assert {
    condition     = toset(keys(output.submit)) == toset(["encode", "index", "search", "evaluate"])
    error_message = "A job has no command."
  }
}

run "a_bound_below_one_worker_is_refused" {
  command = plan
  module {
    source = "./modules/platform"
  }
  variables {
    bounds = { maximum_cpu = 4, gpu_maximum = 0 }
  }
  expect_failures = [var.bounds]
}
