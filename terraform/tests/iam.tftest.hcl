# What each kind of job may do: no more than its stage.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name       = "hashcore"
  bucket_arn = "arn:aws:s3:::my-codes"
  key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  pipeline   = "runs/mnist"
}

run "encode_reads_the_corpus_and_writes_codes" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.job["encode"].policy).Statement[0].Resource, "arn:aws:s3:::my-codes/runs/mnist/corpus/*")
    error_message = "encode cannot read the corpus."
  }
  assert {
    condition = toset(jsondecode(aws_iam_role_policy.job["encode"].policy).Statement[1].Resource) == toset([
      "arn:aws:s3:::my-codes/runs/mnist/codes/*", "arn:aws:s3:::my-codes/runs/mnist/runs/*"
    ])
    error_message = "encode writes codes and the record of its run, and nothing else."
  }
}

run "search_reads_the_index_and_cannot_write_it" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.job["search"].policy).Statement[0].Resource, "arn:aws:s3:::my-codes/runs/mnist/index/*")
    error_message = "search cannot read the index."
  }
  assert {
    condition     = !anytrue([for resource in jsondecode(aws_iam_role_policy.job["search"].policy).Statement[1].Resource : strcontains(resource, "/index/")])
    error_message = "search can write the index."
  }
}

run "only_index_writes_the_index_and_only_train_the_hasher" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = [for job, policy in aws_iam_role_policy.job : job
    if anytrue([for resource in jsondecode(policy.policy).Statement[1].Resource : strcontains(resource, "/index/")])] == ["index"]
    error_message = "Another job writes the index."
  }
  assert {
    condition = [for job, policy in aws_iam_role_policy.job : job
    if anytrue([for resource in jsondecode(policy.policy).Statement[1].Resource : strcontains(resource, "/hasher/")])] == ["train"]
    error_message = "Another job writes the hasher."
  }
}

run "nothing_outside_the_pipeline_and_the_artefacts_is_reached" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = alltrue(flatten([for policy in aws_iam_role_policy.job : [
      for statement in slice(jsondecode(policy.policy).Statement, 0, 2) : [
        for resource in statement.Resource :
        startswith(resource, "arn:aws:s3:::my-codes/runs/mnist/") || (statement.Sid == "Read" && startswith(resource, "arn:aws:s3:::my-codes/artifacts/"))
      ]
    ]]))
    error_message = "A job reaches beyond its pipeline."
  }
}

run "spark_jobs_are_run_by_emr_and_training_by_pods" {
  module {
    source = "./modules/iam"
  }

  assert {
    condition = { for job, role in aws_iam_role.job : job => jsondecode(role.assume_role_policy).Statement[0].Principal.Service } == {
      train    = "pods.eks.amazonaws.com"
      encode   = "emr-serverless.amazonaws.com"
      index    = "emr-serverless.amazonaws.com"
      search   = "emr-serverless.amazonaws.com"
      evaluate = "emr-serverless.amazonaws.com"
    }
    error_message = "A role is trusted to another service."
  }
}

run "a_pipeline_with_a_wild_card_is_refused" {
  command = plan
  module {
    source = "./modules/iam"
  }
  variables {
    pipeline = "runs/*"
  }
  expect_failures = [var.pipeline]
}
