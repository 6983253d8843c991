output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.data.id
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.data.arn
}

output "key_arn" {
  description = "ARN of the key that everything is encrypted with."
  value       = aws_kms_key.data.arn
}
