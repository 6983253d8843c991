output "cluster" {
  description = "What a provider needs to reach the cluster."
  value = {
    name        = aws_eks_cluster.this.name
    endpoint    = aws_eks_cluster.this.endpoint
    certificate = aws_eks_cluster.this.certificate_authority[0].data
  }
}

output "prepare" {
  description = "The commands that fill the image cache and push the image of training; once a version, from a machine with docker."
  value = join("\n", [
    "aws ecr get-login-password --region ${data.aws_region.here.region} | docker login --username AWS --password-stdin ${local.registry}",
    "docker pull ${local.registry}/${var.name}-quay/kuberay/operator:v${var.kuberay_version}",
    "docker build --file conf/docker/ray-gpu.Dockerfile --tag ${aws_ecr_repository.ray.repository_url}:0.1.0 .",
    "docker push ${aws_ecr_repository.ray.repository_url}:0.1.0",
  ])
}

output "submit" {
  description = "The commands that train on GPUs, and follow what happens."
  value = join("\n", [
    "aws eks update-kubeconfig --region ${data.aws_region.here.region} --name ${var.name}",
    "sed 's|IMAGE|${aws_ecr_repository.ray.repository_url}:0.1.0|' conf/kuberay/train-gpu.yaml | kubectl apply --namespace ${local.namespace} --filename -",
    "kubectl get rayjob train --namespace ${local.namespace} --watch",
  ])
}
