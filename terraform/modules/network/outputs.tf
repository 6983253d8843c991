output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Private subnets, one a zone."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "workers_security_group_id" {
  description = "Group of Spark's workers."
  value       = aws_security_group.workers.id
}
