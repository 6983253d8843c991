# KubeRay, and the autoscaler that adds nodes for its pods. Nodes have no way to the internet: images come through ECR's
# pull-through cache, which must be filled once from outside (output `prepare`).

data "aws_caller_identity" "here" {}
data "aws_region" "here" {}

locals {
  registry = "${data.aws_caller_identity.here.account_id}.dkr.ecr.${data.aws_region.here.region}.amazonaws.com"
  upstream = { quay = "quay.io", kubernetes = "registry.k8s.io" }
}

resource "aws_ecr_pull_through_cache_rule" "this" {
  for_each              = local.upstream
  ecr_repository_prefix = "${var.name}-${each.key}"
  upstream_registry_url = each.value
}

resource "helm_release" "kuberay" {
  name             = "kuberay-operator"
  repository       = "https://ray-project.github.io/kuberay-helm"
  chart            = "kuberay-operator"
  version          = var.kuberay_version
  namespace        = local.namespace
  create_namespace = true
  values = [yamlencode({
    image = {
      repository = "${local.registry}/${aws_ecr_pull_through_cache_rule.this["quay"].ecr_repository_prefix}/kuberay/operator"
      tag        = "v${var.kuberay_version}"
    }
    nodeSelector = { "hashcore/nodes" = "cpu" }
  })]

  depends_on = [aws_eks_addon.this]
}

resource "helm_release" "autoscaler" {
  name       = "cluster-autoscaler"
  repository = "https://kubernetes.github.io/autoscaler"
  chart      = "cluster-autoscaler"
  version    = var.autoscaler_chart_version
  namespace  = "kube-system"
  values = [yamlencode({
    fullnameOverride = "cluster-autoscaler"
    image = {
      repository = "${local.registry}/${aws_ecr_pull_through_cache_rule.this["kubernetes"].ecr_repository_prefix}/autoscaling/cluster-autoscaler"
    }
    awsRegion     = data.aws_region.here.region
    autoDiscovery = { clusterName = var.name }
    rbac          = { serviceAccount = { name = "cluster-autoscaler" } }
    extraArgs     = { expander = "priority", "scale-down-unneeded-time" = "5m" }
    expanderPriorities = {
      "20" = [".*gpu-spot.*"]
      "10" = [".*"]
    }
    nodeSelector = { "hashcore/nodes" = "cpu" }
  })]

  depends_on = [aws_eks_addon.this, aws_eks_pod_identity_association.autoscaler]
}

resource "aws_eks_pod_identity_association" "autoscaler" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  role_arn        = aws_iam_role.autoscaler.arn
}

resource "aws_iam_role" "autoscaler" {
  name = "${var.name}-autoscaler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy" "autoscaler" {
  #checkov:skip=CKV_AWS_355:Describe actions of EC2 and of auto scaling know no resource.
  name = "scale"
  role = aws_iam_role.autoscaler.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags",
          "ec2:DescribeImages",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions",
          "ec2:GetInstanceTypesFromInstanceRequirements",
          "eks:DescribeNodegroup",
        ]
        Resource = "*"
      },
      {
        Sid       = "ScaleThisClusterOnly"
        Effect    = "Allow"
        Action    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
        Resource  = "arn:${data.aws_partition.here.partition}:autoscaling:${data.aws_region.here.region}:${data.aws_caller_identity.here.account_id}:autoScalingGroup:*"
        Condition = { StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.name}" = "owned" } }
      },
    ]
  })
}
