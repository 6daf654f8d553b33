# The cache, and who may sign in to it. It is a cluster of its own: a cache evicts, and the database must not.

locals {
  port = 6379

  # The rules of the file, without its comments, in one line.
  access_rules  = [for line in split("\n", file("${path.module}/access-string")) : trimspace(line)]
  access_string = join(" ", [for rule in local.access_rules : rule if rule != "" && !startswith(rule, "#")])
}

data "aws_region" "current" {}

data "aws_partition" "current" {}

data "aws_subnet" "cache" {
  for_each = var.subnet_ids

  id = each.value
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Where the nodes of ${var.name} are"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-valkey${split(".", var.engine_version)[0]}"
  description = "Parameters of ${var.name}"
  family      = "valkey${split(".", var.engine_version)[0]}"
  tags        = var.tags

  parameter {
    name  = "cluster-enabled"
    value = "yes"
  }

  # A full cache makes room by forgetting what was not read for the longest time.
  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }
}

# IAM wants both names to be the same.
resource "aws_elasticache_user" "this" {
  user_id       = var.user_name
  user_name     = var.user_name
  engine        = "valkey"
  access_string = local.access_string
  tags          = var.tags

  authentication_mode {
    type = "iam"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.this.user_id]
  tags          = var.tags
}

resource "aws_security_group" "cache" {
  name        = var.name
  description = "The nodes of the cache ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = var.name })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.cache.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  description                  = "The service"
  tags                         = var.tags
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "Objects of S3, cached by customerd"

  engine                     = "valkey"
  engine_version             = var.engine_version
  auto_minor_version_upgrade = true
  parameter_group_name       = aws_elasticache_parameter_group.this.name

  node_type                  = var.node_type
  num_node_groups            = var.shards
  replicas_per_node_group    = var.replicas_per_shard
  automatic_failover_enabled = true
  multi_az_enabled           = var.replicas_per_shard > 0

  subnet_group_name  = aws_elasticache_subnet_group.this.name
  security_group_ids = [aws_security_group.cache.id]
  port               = local.port

  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true

  # Nothing in it is worth a snapshot.
  snapshot_retention_limit = 0

  notification_topic_arn = try(var.alarm_topic_arns[0], null)
  tags                   = var.tags
}
