# The MemoryDB cluster, and who may sign in to it.

locals {
  port = 6379

  # Families are named by the engine and its first number: memorydb_valkey7, memorydb_redis7.
  family = "memorydb_${var.engine}${split(".", var.engine_version)[0]}"

  # The rules of the file, without its comments, in one line.
  access_rules  = [for line in split("\n", file("${path.module}/access-string")) : trimspace(line)]
  access_string = join(" ", [for rule in local.access_rules : rule if rule != "" && !startswith(rule, "#")])
}

data "aws_region" "current" {}

data "aws_subnet" "database" {
  for_each = var.subnet_ids

  id = each.value
}

resource "aws_memorydb_subnet_group" "this" {
  name        = var.name
  description = "Where the nodes of ${var.name} are"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_memorydb_parameter_group" "this" {
  name        = "${var.name}-${replace(local.family, "_", "-")}"
  description = "Parameters of ${var.name}"
  family      = local.family
  tags        = var.tags

  # A full database refuses writes; it must never make room by forgetting customers. The service does not become ready
  # with any other policy.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_memorydb_user" "this" {
  user_name     = var.user_name
  access_string = local.access_string
  tags          = var.tags

  authentication_mode {
    type = "iam"
  }
}

resource "aws_memorydb_acl" "this" {
  name       = var.name
  user_names = [aws_memorydb_user.this.user_name]
  tags       = var.tags
}

resource "aws_security_group" "database" {
  name        = "${var.name}-memorydb"
  description = "The nodes of the MemoryDB cluster ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-memorydb" })

  lifecycle {
    create_before_destroy = true
  }
}

# Nothing else comes in, and nothing goes out: the nodes begin no connections of their own through it.
resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  description                  = "The service"
  tags                         = var.tags
}

resource "aws_memorydb_cluster" "this" {
  name        = var.name
  description = "Customers, kept by customerd"

  engine                     = var.engine
  engine_version             = var.engine_version
  auto_minor_version_upgrade = true
  maintenance_window         = var.maintenance_window
  parameter_group_name       = aws_memorydb_parameter_group.this.name

  # With a replica in another zone for each shard, the cluster is multi-AZ.
  node_type              = var.node_type
  num_shards             = var.shards
  num_replicas_per_shard = var.replicas_per_shard

  subnet_group_name  = aws_memorydb_subnet_group.this.name
  security_group_ids = [aws_security_group.database.id]
  port               = local.port

  acl_name    = aws_memorydb_acl.this.name
  tls_enabled = true
  kms_key_arn = var.kms_key_arn

  snapshot_window          = var.snapshot_window
  snapshot_retention_limit = var.snapshot_retention_days
  snapshot_name            = var.snapshot_name
  final_snapshot_name      = "${var.name}-final"

  sns_topic_arn = try(var.alarm_topic_arns[0], null)
  tags          = var.tags

  lifecycle {
    # It says only what a new cluster begins with; a change would replace this one.
    ignore_changes = [snapshot_name]
  }
}
