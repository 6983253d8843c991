output "cluster" {
  description = "How the cluster of Kubernetes is reached, for the provider helm."
  value       = module.ray.cluster
}

output "upload" {
  description = "1. Puts what Spark runs into the bucket."
  value       = module.emr_serverless.upload
}

output "prepare" {
  description = "2. Pushes the image that Ray runs, and fills the cache of images."
  value       = module.ray.prepare
}

output "train" {
  description = "3. Trains the hasher."
  value       = module.ray.submit
}

output "submit" {
  description = "4. Encodes, indexes, searches and evaluates: a command each."
  value       = module.emr_serverless.submit
}
