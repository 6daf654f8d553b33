# What the role of the pods gets besides: to sign in to the cache, and to read and write the buckets.

data "aws_iam_policy_document" "objects" {
  statement {
    sid     = "SignIn"
    actions = ["elasticache:Connect"]

    # Both are needed.
    resources = [
      aws_elasticache_replication_group.this.arn,
      aws_elasticache_user.this.arn,
    ]
  }

  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [for arn in local.bucket_arns : "${arn}/*"]
  }

  # Without it S3 says of an absent object that it is forbidden (403), and nothing could be said of absent ones. It also lists,
  # for `customerd warm`.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = local.bucket_arns
  }
}

data "aws_iam_policy_document" "bucket_keys" {
  statement {
    sid       = "BucketKeys"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = var.bucket_kms_key_arns
  }
}

locals {
  bucket_arns = [for name in var.buckets : "arn:${data.aws_partition.current.partition}:s3:::${name}"]
}

resource "aws_iam_role_policy" "objects" {
  name   = "objects"
  role   = var.role_name
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_role_policy" "bucket_keys" {
  count = length(var.bucket_kms_key_arns) > 0 ? 1 : 0

  name   = "objects-keys"
  role   = var.role_name
  policy = data.aws_iam_policy_document.bucket_keys.json
}
