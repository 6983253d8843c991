# Three groups of nodes. GPUs come as spot where there are any, else on demand: the autoscaler tries groups by priority.

locals {
  groups = {
    cpu = {
      kinds    = var.cpu_instance_types
      capacity = "ON_DEMAND" # the head must not go away
      image    = "BOTTLEROCKET_x86_64"
      minimum  = 1
      maximum  = var.cpu_maximum
      disk_gb  = 100
    }
    gpu-spot = {
      kinds    = var.gpu_instance_types
      capacity = "SPOT"
      image    = "BOTTLEROCKET_x86_64_NVIDIA" # brings driver and device plug-in
      minimum  = 0
      maximum  = var.gpu_maximum
      disk_gb  = 200
    }
    gpu-on-demand = {
      kinds    = var.gpu_instance_types
      capacity = "ON_DEMAND"
      image    = "BOTTLEROCKET_x86_64_NVIDIA"
      minimum  = 0
      maximum  = var.gpu_maximum
      disk_gb  = 200
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each        = local.groups
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnet_ids
  instance_types  = each.value.kinds
  capacity_type   = each.value.capacity
  ami_type        = each.value.image
  labels          = { "hashcore/nodes" = startswith(each.key, "gpu") ? "gpu" : "cpu" }

  scaling_config {
    min_size     = each.value.minimum
    desired_size = each.value.minimum
    max_size     = max(each.value.maximum, 1)
  }

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = aws_launch_template.node[each.key].latest_version
  }

  dynamic "taint" {
    for_each = startswith(each.key, "gpu") ? ["nvidia.com/gpu"] : []
    content {
      key    = taint.value
      value  = "present"
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the autoscaler's
  }

  depends_on = [aws_iam_role_policy_attachment.node]
}

resource "aws_launch_template" "node" {
  for_each = local.groups
  name     = "${var.name}-${each.key}"

  block_device_mappings {
    device_name = "/dev/xvdb" # Bottlerocket's second disk: images, and the shared memory's overflow

    ebs {
      volume_size = each.value.disk_gb
      volume_type = "gp3"
      encrypted   = true
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # pods take their role from the agent, never the node's
  }
}

resource "aws_iam_role" "node" {
  name = "${var.name}-node"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each   = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"])
  role       = aws_iam_role.node.name
  policy_arn = "${local.policies}/${each.key}"
}
