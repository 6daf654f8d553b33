variable "name" {
  description = "The name of the cache; everything else is named after it. Tokens are signed for this name, so it is in lower case."
  type        = string
  default     = "customerd-cache"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,35}$", var.name)) && length(var.name) <= 36
    error_message = "A letter, then letters, digits and single hyphens, all in lower case, at most 36 characters."
  }
}

variable "user_name" {
  description = "The cache's user that the service signs in as."
  type        = string
  default     = "customerd-cache"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.user_name)) && var.user_name != "default"
    error_message = "A letter, then letters, digits and hyphens, all in lower case, at most 40 characters, and not \"default\"."
  }
}

variable "buckets" {
  description = "The buckets whose objects are served. They are there already, in this account and region."
  type        = set(string)

  validation {
    condition     = length(var.buckets) >= 1 && alltrue([for name in var.buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "At least one name of a bucket."
  }
}

variable "bucket_kms_key_arns" {
  description = "The KMS keys that the buckets are encrypted with, where they have keys of their own."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.bucket_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "ARNs of KMS keys."
  }
}

variable "role_name" {
  description = "The role of the pods (module customerd, output role_name), which gets the rights for the cache and the buckets."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "The name of an IAM role."
  }
}

variable "vpc_id" {
  description = "The VPC of the cache and of the Kubernetes nodes."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "The id of a VPC: vpc-..."
  }
}

variable "subnet_ids" {
  description = "Private subnets for the cache's nodes, in at least two availability zones."
  type        = set(string)

  validation {
    condition     = length(var.subnet_ids) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "At least two ids of subnets: subnet-..."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect to the cache: that of the pods, or of the nodes that they run on."
  type        = set(string)

  validation {
    condition     = length(var.client_security_group_ids) >= 1 && alltrue([for id in var.client_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "At least one id of a security group: sg-..."
  }
}

variable "engine_version" {
  description = "The version of Valkey."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex("^[78]\\.[0-9]+$", var.engine_version))
    error_message = "Of the 7 or the 8 line, as in 8.0: the parameter group's family belongs to it."
  }
}

variable "node_type" {
  description = "The size of the nodes. What is hot has to fit into the nodes together; what does not fit is read from S3 again."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "A node type, as in cache.t4g.small."
  }
}

variable "shards" {
  description = "How many shards the entries are spread over. It may be changed later, while the service runs."
  type        = number
  default     = 2

  validation {
    condition     = var.shards >= 1 && var.shards <= 500 && floor(var.shards) == var.shards
    error_message = "1 to 500."
  }
}

variable "replicas_per_shard" {
  description = "How many replicas each shard has. Without one a failed node's entries are read from S3 until another node has come; its replacement begins empty, and so may what a failover leaves."
  type        = number
  default     = 0

  validation {
    condition     = var.replicas_per_shard >= 0 && var.replicas_per_shard <= 5 && floor(var.replicas_per_shard) == var.replicas_per_shard
    error_message = "0 to 5."
  }
}

variable "events_url" {
  description = "Where EventBridge sends what changes in the buckets: https://HOST/objects/events, reachable from outside of the VPC. null: nothing is told, and changes made elsewhere are seen when entries end."
  type        = string
  default     = null

  validation {
    condition     = var.events_url == null || can(regex("^https://[^/]+/objects/events$", var.events_url))
    error_message = "https://HOST/objects/events, or null."
  }
}

variable "issuer_token_url" {
  description = "For events: where the issuer gives tokens to clients (OAuth client credentials), as https://issuer.example.com/oauth/token. Its tokens need the scope objects:write."
  type        = string
  default     = null

  validation {
    condition     = var.issuer_token_url == null || can(regex("^https://.+$", var.issuer_token_url))
    error_message = "An https URL, or null."
  }
}

variable "issuer_client_id" {
  description = "For events: the id of EventBridge as a client of the issuer."
  type        = string
  default     = null

  validation {
    condition     = var.issuer_client_id == null || can(regex("^.+$", var.issuer_client_id))
    error_message = "A client's id, or null."
  }
}

variable "issuer_client_secret" {
  description = "For events: its secret. It is kept in Secrets Manager, and in Terraform's state."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.issuer_client_secret == null || can(regex("^.+$", var.issuer_client_secret))
    error_message = "A client's secret, or null."
  }
}

variable "notify" {
  description = "Whether to switch on the buckets' notifications to EventBridge. It replaces what the buckets tell otherwise: false where they have notifications of their own, to which EventBridge is added by hand."
  type        = bool
  default     = true
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms, and the cache's own events, are sent to."
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
