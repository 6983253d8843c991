output "application_id" {
  description = "The application."
  value       = aws_emrserverless_application.spark.id
}

output "submit" {
  description = "For each kind of job the command that runs it."
  value       = local.submit
}

output "upload" {
  description = "The commands that put what the jobs run into the bucket; once a version."
  value = join("\n", [
    "make archive WITH=torch", # encode needs it, the others do not load it
    "aws s3 cp dist/hashcore-environment.tar.gz ${local.environment}",
    "aws s3 cp --recursive --exclude '*' --include '*.py' jobs ${local.artifacts}/jobs",
    "aws s3 cp conf/spark/emr-serverless.conf ${local.artifacts}/emr-serverless.conf",
    "aws s3 cp conf/mnist.yaml s3://${var.bucket}/${var.pipeline}/pipeline.yaml",
  ])
}
