# The role of the pods: it may sign in to this cluster as this user, and nothing else.

locals {
  by_pod_identity = var.credentials == "pod-identity"

  # The issuer, as conditions name it: the provider's ARN without what stands before it.
  oidc_issuer = try(split("oidc-provider/", var.oidc_provider_arn)[1], "")
}

data "aws_iam_policy_document" "connect" {
  statement {
    sid     = "SignIn"
    actions = ["memorydb:Connect"]

    # Both are needed.
    resources = [
      aws_memorydb_cluster.this.arn,
      aws_memorydb_user.this.arn,
    ]
  }
}

# Pod Identity says in its tags for whom it asks.
data "aws_iam_policy_document" "pod_identity" {
  statement {
    sid     = "PodIdentity"
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-name"
      values   = [var.eks_cluster_name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [var.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [var.service_account]
    }
  }
}

# The service account's token says it in its subject.
data "aws_iam_policy_document" "irsa" {
  statement {
    sid     = "ServiceAccount"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn == null ? "" : var.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-${data.aws_region.current.region}"
  description          = "The customerd pods: may sign in to the MemoryDB cluster ${var.name}"
  assume_role_policy   = local.by_pod_identity ? data.aws_iam_policy_document.pod_identity.json : data.aws_iam_policy_document.irsa.json
  max_session_duration = 43200
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = local.by_pod_identity || var.oidc_provider_arn != null
      error_message = "credentials = \"irsa\" needs oidc_provider_arn."
    }
  }
}

resource "aws_iam_role_policy" "connect" {
  name   = "memorydb-connect"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.connect.json
}

resource "aws_eks_pod_identity_association" "this" {
  count = local.by_pod_identity && var.associate ? 1 : 0

  cluster_name    = var.eks_cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
  tags            = var.tags
}
