output "upload" {
  description = "1. Puts what Spark runs into the bucket."
  value       = module.platform.upload
}

output "prepare" {
  description = "2. Pushes the image that Ray runs, and fills the cache of images."
  value       = module.platform.prepare
}

output "train" {
  description = "3. Trains the hasher."
  value       = module.platform.train
}

output "submit" {
  description = "4. Encodes, indexes, searches and evaluates: a command each."
  value       = module.platform.submit
}
