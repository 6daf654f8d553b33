# Both are whole files of the Kubernetes overlay; deploy/README.md tells which.

output "objects_env" {
  description = "The overlay's objects.env: how the service reaches the cache and signs in, and which buckets it serves."
  value       = <<-EOT
    # Made by Terraform.
    CUSTOMERD_RESOURCES=customers,objects
    CUSTOMERD_OBJECT_BUCKETS=${join(",", sort(tolist(var.buckets)))}
    CUSTOMERD_CACHE_ENDPOINT=${local.endpoint}
    CUSTOMERD_CACHE_AUTH=iam
    CUSTOMERD_CACHE_USER=${aws_elasticache_user.this.user_name}
    CUSTOMERD_CACHE_IAM_SERVICE=elasticache
    CUSTOMERD_CACHE_IAM_RESOURCE=${aws_elasticache_replication_group.this.replication_group_id}
  EOT
}

output "objects_network_policy" {
  description = "The overlay's networkpolicy-objects.yaml: the way to the cache's nodes and to S3."
  value = yamlencode({
    apiVersion = "networking.k8s.io/v1"
    kind       = "NetworkPolicy"
    metadata = {
      name   = "customerd-objects"
      labels = { "app.kubernetes.io/name" = "customerd" }
    }
    spec = {
      podSelector = { matchLabels = { "app.kubernetes.io/name" = "customerd" } }
      policyTypes = ["Egress"]
      egress = [
        {
          to    = [for subnet in data.aws_subnet.cache : { ipBlock = { cidr = subnet.cidr_block } }]
          ports = [{ port = local.port, protocol = "TCP" }]
        },
        {
          to    = [for cidr in data.aws_prefix_list.s3.cidr_blocks : { ipBlock = { cidr = cidr } }]
          ports = [{ port = 443, protocol = "TCP" }]
        },
      ]
    }
  })
}

# S3's addresses in this region.
data "aws_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.current.region}.s3"
}

output "endpoint" {
  description = "The cache's configuration endpoint, with its port."
  value       = local.endpoint
}

output "access_string" {
  description = "What the cache's user may do."
  value       = aws_elasticache_user.this.access_string
}

locals {
  endpoint = "${aws_elasticache_replication_group.this.configuration_endpoint_address}:${local.port}"
}
