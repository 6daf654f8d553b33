# customerd's database, for an EKS cluster that is already there. Read it from top to bottom; then
#
#   cp terraform.tfvars.example terraform.tfvars    # and fill it in
#   terraform init
#   terraform plan
#   terraform apply                                 # about 15 minutes, most of it the cluster
#
# and go on with deploy/README.md, which takes the outputs into the Kubernetes overlay.

terraform {
  required_version = ">= 1.5.7"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }

  # The state tells where everything is: keep it where the team can reach it, encrypted and locked. For instance:
  #
  # backend "s3" {
  #   bucket       = "my-terraform-state"
  #   key          = "customerd/terraform.tfstate"
  #   region       = "eu-west-1"
  #   encrypt      = true
  #   use_lockfile = true
  # }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { service = "customerd" }
  }
}

# 1. The EKS cluster tells its VPC, its security group and its OIDC issuer.
data "aws_eks_cluster" "this" {
  name = var.eks_cluster_name
}

locals {
  vpc = data.aws_eks_cluster.this.vpc_config[0]

  # IRSA needs an IAM OIDC provider for the cluster, which most clusters have; its ARN follows from the issuer.
  issuer            = trimprefix(data.aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
  oidc_provider_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.issuer}"
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

# 2. A place for alarms to go. Whoever subscribes has to confirm it once.
resource "aws_sns_topic" "alarms" {
  name = "customerd-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# 3. The database, its user, the role of the pods, and the alarms.
module "customerd" {
  source = "../.."

  name = "customerd"

  # Where it is, and who may reach it. Pods that have no security groups of their own have that of the cluster.
  vpc_id                    = local.vpc.vpc_id
  subnet_ids                = var.database_subnet_ids
  client_security_group_ids = [local.vpc.cluster_security_group_id]

  # How large it is: two shards of a primary and a replica. Both numbers may be changed later, while the service runs.
  node_type          = var.node_type
  shards             = 2
  replicas_per_shard = 1

  # How the pods get credentials. With "irsa" the overlay is overlays/eks-irsa.
  credentials       = var.credentials
  eks_cluster_name  = var.eks_cluster_name
  oidc_provider_arn = var.credentials == "irsa" ? local.oidc_provider_arn : null

  alarm_topic_arns = [aws_sns_topic.alarms.arn]
}

# 4. Objects of S3 behind a cache, where buckets are named.
module "objects" {
  source = "../../objects"
  count  = length(var.object_buckets) > 0 ? 1 : 0

  name      = "customerd-cache"
  buckets   = var.object_buckets
  role_name = module.customerd.role_name

  vpc_id                    = local.vpc.vpc_id
  subnet_ids                = var.database_subnet_ids
  client_security_group_ids = [local.vpc.cluster_security_group_id]
  node_type                 = var.cache_node_type

  alarm_topic_arns = [aws_sns_topic.alarms.arn]
}

# 5. Pod Identity needs its agent on the nodes. Clusters that have the add-on already set install_pod_identity_agent to
#    false; EKS Auto Mode has it built in.
resource "aws_eks_addon" "pod_identity_agent" {
  count = var.credentials == "pod-identity" && var.install_pod_identity_agent ? 1 : 0

  cluster_name = var.eks_cluster_name
  addon_name   = "eks-pod-identity-agent"
}

# 6. IRSA asks STS. Through an endpoint inside the VPC it has addresses that a NetworkPolicy can name.
resource "aws_vpc_endpoint" "sts" {
  count = var.credentials == "irsa" && var.create_sts_endpoint ? 1 : 0

  vpc_id              = local.vpc.vpc_id
  service_name        = "com.amazonaws.${var.region}.sts"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.database_subnet_ids
  security_group_ids  = [aws_security_group.sts[0].id]
  private_dns_enabled = true
}

resource "aws_security_group" "sts" {
  count = var.credentials == "irsa" && var.create_sts_endpoint ? 1 : 0

  name        = "customerd-sts-endpoint"
  description = "The STS endpoint: HTTPS from the EKS cluster"
  vpc_id      = local.vpc.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "sts" {
  count = var.credentials == "irsa" && var.create_sts_endpoint ? 1 : 0

  security_group_id            = aws_security_group.sts[0].id
  referenced_security_group_id = local.vpc.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  description                  = "Pods"
}

# 7. Where the image goes.
resource "aws_ecr_repository" "customerd" {
  name                 = "customerd"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}
