# The first three are whole files of the Kubernetes overlay; deploy/README.md tells which.

output "customerd_env" {
  description = "The overlay's database.env: how the service reaches the cluster and signs in."
  value       = <<-EOT
    # Made by Terraform.
    CUSTOMERD_DB_ENDPOINT=${local.endpoint}
    CUSTOMERD_DB_AUTH=iam
    CUSTOMERD_DB_USER=${aws_memorydb_user.this.user_name}
    CUSTOMERD_IAM_SERVICE=memorydb
    CUSTOMERD_IAM_RESOURCE=${aws_memorydb_cluster.this.name}
    AWS_REGION=${data.aws_region.current.region}
  EOT
}

output "service_account" {
  description = "The overlay's serviceaccount.yaml, for irsa: the role of the service account."
  value = yamlencode({
    apiVersion = "v1"
    kind       = "ServiceAccount"
    metadata = {
      name = var.service_account
      annotations = {
        "eks.amazonaws.com/role-arn"               = aws_iam_role.this.arn
        "eks.amazonaws.com/sts-regional-endpoints" = "true"
      }
    }
  })
}

output "database_network_policy" {
  description = "The overlay's networkpolicy-database.yaml: the way to the cluster's nodes."
  value = yamlencode({
    apiVersion = "networking.k8s.io/v1"
    kind       = "NetworkPolicy"
    metadata = {
      name   = "customerd-database"
      labels = { "app.kubernetes.io/name" = "customerd" }
    }
    spec = {
      podSelector = { matchLabels = { "app.kubernetes.io/name" = "customerd" } }
      policyTypes = ["Egress"]
      egress = [{
        to    = [for subnet in data.aws_subnet.database : { ipBlock = { cidr = subnet.cidr_block } }]
        ports = [{ port = local.port, protocol = "TCP" }]
      }]
    }
  })
}

output "endpoint" {
  description = "The cluster's configuration endpoint, with its port."
  value       = local.endpoint
}

output "cluster_name" {
  description = "The cluster's name, which tokens are signed for."
  value       = aws_memorydb_cluster.this.name
}

output "role_arn" {
  description = "The ARN of the role of the pods."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "The name of that role, for what it is to be given besides (module objects)."
  value       = aws_iam_role.this.name
}

output "security_group_id" {
  description = "The security group of the database's nodes."
  value       = aws_security_group.database.id
}

output "access_string" {
  description = "What the database user may do."
  value       = aws_memorydb_user.this.access_string
}

locals {
  endpoint = "${aws_memorydb_cluster.this.cluster_endpoint[0].address}:${aws_memorydb_cluster.this.cluster_endpoint[0].port}"
}
