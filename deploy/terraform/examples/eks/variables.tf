variable "region" {
  description = "The AWS region of the EKS cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region, as in eu-west-1."
  }
}

variable "eks_cluster_name" {
  description = "The EKS cluster that the service will run in."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.eks_cluster_name))
    error_message = "The name of an EKS cluster."
  }
}

variable "database_subnet_ids" {
  description = "Private subnets of the cluster's VPC, in at least two availability zones."
  type        = set(string)

  validation {
    condition     = length(var.database_subnet_ids) >= 2
    error_message = "At least two subnets."
  }
}

variable "node_type" {
  description = "The size of the database's nodes. db.t4g.small is the smallest, for trying it out."
  type        = string
  default     = "db.r7g.large"

  validation {
    condition     = startswith(var.node_type, "db.")
    error_message = "A node type, as in db.r7g.large."
  }
}

variable "credentials" {
  description = "How the pods get credentials: pod-identity or irsa."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["pod-identity", "irsa"], var.credentials)
    error_message = "pod-identity or irsa."
  }
}

variable "install_pod_identity_agent" {
  description = "Whether to install the Pod Identity agent; false where the cluster has it."
  type        = bool
  default     = true
}

variable "create_sts_endpoint" {
  description = "For irsa: whether to make an STS endpoint in the VPC; false where it has one."
  type        = bool
  default     = true
}

variable "alarm_emails" {
  description = "Addresses that alarms are sent to."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "E-mail addresses."
  }
}

variable "object_buckets" {
  description = "Buckets whose objects are served through a cache; none: no cache is made."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.object_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "Names of buckets."
  }
}

variable "cache_node_type" {
  description = "The size of the cache's nodes, of which there are two."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.cache_node_type, "cache.")
    error_message = "A node type, as in cache.t4g.small."
  }
}
