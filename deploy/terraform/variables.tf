variable "name" {
  description = "The name of the MemoryDB cluster; everything else is named after it. Tokens are signed for this name, so it is in lower case."
  type        = string
  default     = "customerd"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,35}$", var.name)) && length(var.name) <= 36
    error_message = "A letter, then letters, digits and single hyphens, all in lower case, at most 36 characters."
  }
}

variable "user_name" {
  description = "The database user that the service signs in as."
  type        = string
  default     = "customerd"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.user_name)) && var.user_name != "default"
    error_message = "A letter, then letters, digits and hyphens, all in lower case, at most 40 characters, and not \"default\"."
  }
}

variable "vpc_id" {
  description = "The VPC of the database and of the Kubernetes nodes."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "The id of a VPC: vpc-..."
  }
}

variable "subnet_ids" {
  description = "Private subnets for the database's nodes, in at least two availability zones."
  type        = set(string)

  validation {
    condition     = length(var.subnet_ids) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "At least two ids of subnets: subnet-..."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect to the database: that of the pods, or of the nodes that they run on."
  type        = set(string)

  validation {
    condition     = length(var.client_security_group_ids) >= 1 && alltrue([for id in var.client_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "At least one id of a security group: sg-..."
  }
}

variable "engine" {
  description = "The engine: valkey or redis."
  type        = string
  default     = "valkey"

  validation {
    condition     = contains(["valkey", "redis"], var.engine)
    error_message = "valkey or redis."
  }
}

variable "engine_version" {
  description = "The engine's version. Signing in by IAM needs 7.0 or later."
  type        = string
  default     = "7.3"

  validation {
    condition     = can(regex("^7\\.[0-9]+$", var.engine_version))
    error_message = "7.0 or later, of the 7 line, as in 7.3: the parameter group's family belongs to it."
  }
}

variable "node_type" {
  description = "The size of the nodes. Plan with 0.6 KiB of memory for each customer, on the shards together, and half of the memory free."
  type        = string
  default     = "db.r7g.large"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "A node type, as in db.r7g.large."
  }
}

variable "shards" {
  description = "How many shards the data are spread over. It may be changed later, while the service runs."
  type        = number
  default     = 2

  validation {
    condition     = var.shards >= 1 && var.shards <= 256 && floor(var.shards) == var.shards
    error_message = "1 to 256: the data lie in 256 buckets."
  }
}

variable "replicas_per_shard" {
  description = "How many replicas each shard has, in other availability zones. Without one a failed node means minutes of outage."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas_per_shard >= 1 && var.replicas_per_shard <= 5 && floor(var.replicas_per_shard) == var.replicas_per_shard
    error_message = "1 to 5."
  }
}

variable "kms_key_arn" {
  description = "The KMS key that the data are encrypted with at rest; null takes the one that AWS owns. It can't be changed later."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "The ARN of a KMS key, or null."
  }
}

variable "snapshot_retention_days" {
  description = "How many days a daily snapshot is kept."
  type        = number
  default     = 14

  validation {
    condition     = var.snapshot_retention_days >= 1 && var.snapshot_retention_days <= 35 && floor(var.snapshot_retention_days) == var.snapshot_retention_days
    error_message = "1 to 35."
  }
}

variable "snapshot_window" {
  description = "When the daily snapshot is made, in UTC, at least an hour, apart from the maintenance window."
  type        = string
  default     = "02:00-03:00"

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.snapshot_window))
    error_message = "hh:mm-hh:mm, as in 02:00-03:00."
  }
}

variable "snapshot_name" {
  description = "A snapshot to begin with, when the cluster is made to restore one; null begins empty."
  type        = string
  default     = null

  validation {
    condition     = var.snapshot_name == null || can(regex("^[a-z][a-z0-9-]*$", var.snapshot_name))
    error_message = "The name of a snapshot, or null."
  }
}

variable "maintenance_window" {
  description = "When AWS may patch the nodes, in UTC, at least an hour."
  type        = string
  default     = "sun:04:00-sun:05:00"

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]$", var.maintenance_window))
    error_message = "ddd:hh:mm-ddd:hh:mm, as in sun:04:00-sun:05:00."
  }
}

variable "credentials" {
  description = "How the pods get AWS credentials: pod-identity (EKS Pod Identity) or irsa (an IAM role for the service account)."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["pod-identity", "irsa"], var.credentials)
    error_message = "pod-identity or irsa."
  }
}

variable "eks_cluster_name" {
  description = "The EKS cluster that the service runs in."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.eks_cluster_name))
    error_message = "The name of an EKS cluster."
  }
}

variable "oidc_provider_arn" {
  description = "For irsa: the ARN of the EKS cluster's IAM OIDC provider. Not used with pod-identity."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "The ARN of an IAM OIDC provider, or null."
  }
}

variable "namespace" {
  description = "The Kubernetes namespace of the service, as the overlays have it."
  type        = string
  default     = "customerd"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "The name of a Kubernetes namespace."
  }
}

variable "service_account" {
  description = "The Kubernetes service account of the service, as the overlays have it."
  type        = string
  default     = "customerd"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.service_account))
    error_message = "The name of a Kubernetes service account."
  }
}

variable "associate" {
  description = "For pod-identity: whether the service account gets this role. A service account has one at a time: false for a second cluster, such as one that is being restored."
  type        = bool
  default     = true
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms, and the cluster's own events, are sent to."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])
    error_message = "ARNs of SNS topics."
  }
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : length(key) >= 1 && length(key) <= 128 && !startswith(key, "aws:")])
    error_message = "Keys have 1 to 128 characters, and don't begin with aws:."
  }
}
