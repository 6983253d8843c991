# What the bucket promises, planned against a provider that is not there.

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
}

variables {
  name = "my-codes"
}

run "the_bucket_is_private_encrypted_and_versioned" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([for block in [aws_s3_bucket_public_access_block.data, aws_s3_bucket_public_access_block.logs] :
    block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A kind of public access is not blocked."
  }
  assert {
    condition     = alltrue([for control in aws_s3_bucket_ownership_controls.owner : control.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "The owner is not enforced."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.data.rule).bucket_key_enabled
    error_message = "Every object would cost a call of KMS."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.data.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "The bucket is not encrypted by KMS."
  }
  assert {
    condition     = aws_s3_bucket_versioning.data.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket is not versioned."
  }
  assert {
    condition     = aws_kms_key.data.enable_key_rotation
    error_message = "The key is never rotated."
  }
}

run "only_tls_is_let_in" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([for policy in aws_s3_bucket_policy.tls_only :
      jsondecode(policy.policy).Statement[0].Effect == "Deny" &&
      jsondecode(policy.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    ])
    error_message = "Plain HTTP is not refused."
  }
}

run "old_versions_and_unfinished_uploads_go_away" {
  module {
    source = "./modules/storage"
  }
  variables {
    old_version_days       = 7
    unfinished_upload_days = 2
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.data.rule[0].noncurrent_version_expiration[0].noncurrent_days == 7
    error_message = "Old versions stay."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.data.rule[1].abort_incomplete_multipart_upload[0].days_after_initiation == 2
    error_message = "Parts of unfinished uploads stay."
  }
}

run "a_bucket_of_value_is_never_emptied" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    force_destroy = true
  }
  expect_failures = [var.force_destroy]
}

run "a_name_that_s3_refuses_is_refused_before" {
  command = plan
  module {
    source = "./modules/storage"
  }
  variables {
    name = "My_Codes"
  }
  expect_failures = [var.name]
}
