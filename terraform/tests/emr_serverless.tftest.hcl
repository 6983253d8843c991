# Bounded, stopping by itself, and submitted by a command that can be pasted.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_emrserverless_application" {
    defaults = { id = "00f1abcdefgh" }
  }
}

variables {
  name              = "hashcore"
  subnet_ids        = ["subnet-1"]
  security_group_id = "sg-1"
  bucket            = "my-codes"
  key_arn           = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  pipeline          = "runs/mnist"
  role_arns = {
    encode   = "arn:aws:iam::123456789012:role/hashcore-encode"
    index    = "arn:aws:iam::123456789012:role/hashcore-index"
    search   = "arn:aws:iam::123456789012:role/hashcore-search"
    evaluate = "arn:aws:iam::123456789012:role/hashcore-evaluate"
  }
}

run "capacity_is_bounded_and_stops_when_idle" {
  module {
    source = "./modules/emr_serverless"
  }
  variables {
    maximum_cpu  = 32
    idle_minutes = 3
  }

  assert {
    condition     = aws_emrserverless_application.spark.maximum_capacity[0].cpu == "32 vCPU" && aws_emrserverless_application.spark.maximum_capacity[0].memory == "256 GB"
    error_message = "The bound is not the one asked for."
  }
  assert {
    condition     = aws_emrserverless_application.spark.auto_stop_configuration[0].enabled && aws_emrserverless_application.spark.auto_stop_configuration[0].idle_timeout_minutes == 3
    error_message = "It would run, and cost, for ever."
  }
}

run "each_job_is_submitted_with_its_own_role" {
  module {
    source = "./modules/emr_serverless"
  }

  assert {
    condition = alltrue([for job, command in output.submit :
      strcontains(command, "--application-id 00f1abcdefgh") && strcontains(command, "role/hashcore-${job} ") && strcontains(command, "/jobs/${job}.py")
    ])
    error_message = "A command names another job's role or file."
  }
  assert {
    condition     = toset(keys(output.submit)) == toset(["encode", "index", "search", "evaluate"])
    error_message = "A job has no command."
  }
}

run "a_release_with_spark_3_is_refused" {
  command = plan
  module {
    source = "./modules/emr_serverless"
  }
  variables {
    release_label = "emr-7.9.0"
  }
  expect_failures = [var.release_label]
}
