# The key of everything at rest: both buckets, and the logs of network, Spark and Kubernetes.

data "aws_region" "here" {}

resource "aws_kms_key" "data" {
  description             = "hashcore: ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnedByThisAccount"
        Effect    = "Allow"
        Principal = { AWS = local.root }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogsAreWrittenByServices"
        Effect    = "Allow"
        Principal = { Service = ["logging.s3.amazonaws.com", "logs.${data.aws_region.here.region}.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "aws:SourceArn" = [
              "arn:${data.aws_partition.here.partition}:s3:::${var.name}",
              "arn:${data.aws_partition.here.partition}:logs:${data.aws_region.here.region}:${local.account}:*",
            ]
          }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.data.key_id
}
