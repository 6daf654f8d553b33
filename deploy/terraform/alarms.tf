# What the database knows better than the service. The service's own alerts are in deploy/kubernetes/base/prometheusrule.yaml.

locals {
  alarms = {
    engine-cpu = {
      metric    = "EngineCPUUtilization"
      statistic = "Maximum"
      threshold = 75
      minutes   = 10
      meaning   = "A node's engine thread is busy. Requests become slow; beyond it they pile up. Add shards, or take larger nodes."
    }
    memory = {
      metric    = "DatabaseMemoryUsagePercentage"
      statistic = "Maximum"
      threshold = 75
      minutes   = 5
      meaning   = "A node's memory fills. When it is full, writes are answered 503 storage-full. Add shards, or take larger nodes."
    }
    evictions = {
      metric    = "Evictions"
      statistic = "Sum"
      threshold = 0
      minutes   = 1
      meaning   = "Keys were evicted: customers are lost. The parameter group's maxmemory-policy is not noeviction. Set it, and restore what is missing from a snapshot."
    }
    connections = {
      metric    = "CurrConnections"
      statistic = "Maximum"
      threshold = 10000
      minutes   = 10
      meaning   = "A node has many connections: each pod makes two, so this is somebody else. See who is in its security group."
    }
    sign-in-refused = {
      metric    = "AuthenticationFailures"
      statistic = "Sum"
      threshold = 20
      minutes   = 5
      meaning   = "Sign-ins are refused. Either the service's token is not accepted (role, user, clock), or somebody tries passwords."
    }
    commands-refused = {
      metric    = "CommandAuthorizationFailures"
      statistic = "Sum"
      threshold = 0
      minutes   = 1
      meaning   = "A user tried a command that it may not use. The access string is older than the service: apply this module's version that fits it."
    }
    keys-refused = {
      metric    = "KeyAuthorizationFailures"
      statistic = "Sum"
      threshold = 0
      minutes   = 1
      meaning   = "A user tried a key that it may not reach. The access string is older than the service, or somebody uses its user for something else."
    }
    writes-delayed = {
      metric    = "ReplicationDelayedWriteCommands"
      statistic = "Sum"
      threshold = 100
      minutes   = 5
      meaning   = "Writes wait for the transaction log: more is written than a shard may. Requests that write are slow. Add shards."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.meaning

  namespace   = "AWS/MemoryDB"
  metric_name = each.value.metric
  statistic   = each.value.statistic
  dimensions  = { ClusterName = aws_memorydb_cluster.this.name }

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  datapoints_to_alarm = each.value.minutes
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm_topic_arns
  ok_actions    = var.alarm_topic_arns
  tags          = var.tags
}
