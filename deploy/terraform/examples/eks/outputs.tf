output "customerd_env" {
  description = "For deploy/kubernetes/overlays/eks-*/database.env."
  value       = module.customerd.customerd_env
}

output "service_account" {
  description = "For deploy/kubernetes/overlays/eks-irsa/serviceaccount.yaml."
  value       = module.customerd.service_account
}

output "database_network_policy" {
  description = "For deploy/kubernetes/overlays/eks-*/networkpolicy-database.yaml."
  value       = module.customerd.database_network_policy
}

output "objects_env" {
  description = "For deploy/kubernetes/overlays/eks-*/objects.env, where object_buckets are named."
  value       = one(module.objects[*].objects_env)
}

output "objects_network_policy" {
  description = "For deploy/kubernetes/overlays/eks-*/networkpolicy-objects.yaml, where object_buckets are named."
  value       = one(module.objects[*].objects_network_policy)
}

output "repository_url" {
  description = "Where the image is pushed to."
  value       = aws_ecr_repository.customerd.repository_url
}
