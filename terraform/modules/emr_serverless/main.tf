# A Spark 4 application that starts with a job and stops after it: nothing is paid for in between.

data "aws_region" "here" {}

locals {
  artifacts   = "s3://${var.bucket}/artifacts"
  environment = "${local.artifacts}/hashcore-environment.tar.gz" # made by `make archive`
  python      = "./environment/bin/python"
  settings    = "--properties-file ${local.artifacts}/emr-serverless.conf"

  # Executors unpack the archive beside themselves and run its Python; no package of the service is used.
  parameters = join(" ", [
    "--conf spark.archives=${local.environment}#environment",
    "--conf spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=${local.python}",
    "--conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=${local.python}",
    "--conf spark.executorEnv.PYSPARK_PYTHON=${local.python}",
    local.settings,
  ])

  submit = {
    for job in ["encode", "index", "search", "evaluate"] : job => join(" ", [
      "aws emr-serverless start-job-run",
      "--region ${data.aws_region.here.region}",
      "--application-id ${aws_emrserverless_application.spark.id}",
      "--execution-role-arn ${var.role_arns[job]}",
      "--name 'hashcore ${job} ${var.pipeline}'",
      "--retry-policy maxAttempts=3",
      "--job-driver '${jsonencode({
        sparkSubmit = {
          entryPoint            = "${local.artifacts}/jobs/${job}.py"
          entryPointArguments   = ["--config", "s3://${var.bucket}/${var.pipeline}/pipeline.yaml", "--set", "root=s3://${var.bucket}/${var.pipeline}"]
          sparkSubmitParameters = local.parameters
        }
      })}'",
    ])
  }
}

resource "aws_emrserverless_application" "spark" {
  name          = var.name
  release_label = var.release_label
  type          = "spark"
  architecture  = "X86_64"

  maximum_capacity {
    cpu    = "${var.maximum_cpu} vCPU"
    memory = "${var.maximum_cpu * var.memory_gb_per_cpu} GB"
    disk   = "${var.disk_gb} GB"
  }

  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = var.idle_minutes
  }

  network_configuration {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  monitoring_configuration {
    cloudwatch_logging_configuration {
      enabled            = true
      log_group_name     = aws_cloudwatch_log_group.spark.name
      encryption_key_arn = var.key_arn
      log_types {
        name   = "SPARK_DRIVER"
        values = ["STDOUT", "STDERR"]
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "spark" {
  name              = "/${var.name}/spark"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}
