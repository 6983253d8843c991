output "role_arns" {
  description = "ARN of the role of each kind of job."
  value       = { for job, role in aws_iam_role.job : job => role.arn }
}
