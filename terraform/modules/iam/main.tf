# One role a kind of job, and for each what it reads and writes below the pipeline's root. Nothing else is allowed:
# encode reads the corpus and writes codes; search cannot write the index.

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  jobs = {
    train = {
      service = "pods.eks.amazonaws.com"
      reads   = ["corpus/*"]
      writes  = ["hasher/*", ".hasher.partial/*", "hasher.*", "checkpoints/*"]
    }
    encode = {
      service = "emr-serverless.amazonaws.com"
      reads   = ["corpus/*", "hasher/*"]
      writes  = ["codes/*"]
    }
    index = {
      service = "emr-serverless.amazonaws.com"
      reads   = ["codes/*"]
      writes  = ["index/*"]
    }
    search = {
      service = "emr-serverless.amazonaws.com"
      reads   = ["codes/queries/*", "index/*"]
      writes  = ["neighbors/*", ".neighbors.partial/*"]
    }
    evaluate = {
      service = "emr-serverless.amazonaws.com"
      reads   = ["codes/queries/*", "index/*"]
      writes  = ["metrics.*", ".metrics.*"]
    }
  }

  shared = ["artifacts/*", "${var.pipeline}/pipeline.yaml"] # the environment's archive and the file that says it all
  logs   = ["${var.pipeline}/runs/*"]                       # run.json, metrics and Spark's own logs

  objects = {
    for job, its in local.jobs : job => {
      reads  = [for part in concat(its.reads, its.writes) : "${var.bucket_arn}/${var.pipeline}/${part}"]
      writes = [for part in its.writes : "${var.bucket_arn}/${var.pipeline}/${part}"]
    }
  }
}

resource "aws_iam_role" "job" {
  for_each             = local.jobs
  name                 = "${var.name}-${each.key}"
  description          = "hashcore ${each.key}: reads ${join(", ", each.value.reads)}; writes ${join(", ", each.value.writes)}"
  max_session_duration = 43200
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = each.value.service }
      Action    = each.value.service == "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.here.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "job" {
  for_each = local.jobs
  name     = "pipeline"
  role     = aws_iam_role.job[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = concat(local.objects[each.key].reads, [for part in concat(local.shared, local.logs) : "${var.bucket_arn}/${part}"])
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource = concat(local.objects[each.key].writes, [for part in local.logs : "${var.bucket_arn}/${part}"])
      },
      {
        Sid       = "List"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = var.bucket_arn
        Condition = { StringLike = { "s3:prefix" = ["artifacts/*", var.pipeline, "${var.pipeline}/*"] } }
      },
      {
        Sid       = "Key"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.key_arn
        Condition = { StringLike = { "kms:ViaService" = "s3.*.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "spark_logs" {
  for_each = { for job, its in local.jobs : job => its if its.service == "emr-serverless.amazonaws.com" }
  name     = "spark-logs"
  role     = aws_iam_role.job[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "arn:${data.aws_partition.here.partition}:logs:*:${data.aws_caller_identity.here.account_id}:log-group:/${var.name}/spark:*"
    }]
  })
}
