# What changes in the buckets is told to the service: S3 -> EventBridge -> POST /objects/events. What can't be delivered within an
# hour waits in a queue, for somebody to look at; entries then live until their time is over.

locals {
  tells = var.events_url != null
}

resource "aws_s3_bucket_notification" "this" {
  for_each = local.tells && var.notify ? var.buckets : []

  bucket      = each.value
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "changed" {
  count = local.tells ? 1 : 0

  name        = "${var.name}-changed"
  description = "Objects that were written or deleted, by whomever"
  tags        = var.tags

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created", "Object Deleted"]
    detail        = { bucket = { name = sort(tolist(var.buckets)) } }
  })
}

# EventBridge is a client of the issuer, as every other caller of the service.
resource "aws_cloudwatch_event_connection" "issuer" {
  count = local.tells ? 1 : 0

  name               = var.name
  description        = "Tokens for customerd"
  authorization_type = "OAUTH_CLIENT_CREDENTIALS"

  auth_parameters {
    oauth {
      authorization_endpoint = var.issuer_token_url
      http_method            = "POST"

      client_parameters {
        client_id     = var.issuer_client_id
        client_secret = var.issuer_client_secret
      }

      oauth_http_parameters {
        body {
          key   = "grant_type"
          value = "client_credentials"
        }

        body {
          key   = "scope"
          value = "objects:write"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.issuer_token_url != null && var.issuer_client_id != null && var.issuer_client_secret != null
      error_message = "events_url needs issuer_token_url, issuer_client_id and issuer_client_secret."
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "customerd" {
  count = local.tells ? 1 : 0

  name                             = var.name
  description                      = "customerd's POST /objects/events"
  connection_arn                   = aws_cloudwatch_event_connection.issuer[0].arn
  invocation_endpoint              = var.events_url
  http_method                      = "POST"
  invocation_rate_limit_per_second = 300
}

resource "aws_sqs_queue" "undelivered" {
  count = local.tells ? 1 : 0

  name                      = "${var.name}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

data "aws_iam_policy_document" "undelivered" {
  count = local.tells ? 1 : 0

  statement {
    sid       = "EventBridge"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.undelivered[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.changed[0].arn]
    }
  }
}

resource "aws_sqs_queue_policy" "undelivered" {
  count = local.tells ? 1 : 0

  queue_url = aws_sqs_queue.undelivered[0].id
  policy    = data.aws_iam_policy_document.undelivered[0].json
}

data "aws_iam_policy_document" "eventbridge" {
  statement {
    sid     = "EventBridge"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  count = local.tells ? 1 : 0

  statement {
    sid       = "Invoke"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.customerd[0].arn]
  }
}

resource "aws_iam_role" "eventbridge" {
  count = local.tells ? 1 : 0

  name               = "${var.name}-events-${data.aws_region.current.region}"
  description        = "EventBridge: may call customerd's POST /objects/events"
  assume_role_policy = data.aws_iam_policy_document.eventbridge.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "invoke" {
  count = local.tells ? 1 : 0

  name   = "invoke"
  role   = aws_iam_role.eventbridge[0].id
  policy = data.aws_iam_policy_document.invoke[0].json
}

resource "aws_cloudwatch_event_target" "customerd" {
  count = local.tells ? 1 : 0

  rule     = aws_cloudwatch_event_rule.changed[0].name
  arn      = aws_cloudwatch_event_api_destination.customerd[0].arn
  role_arn = aws_iam_role.eventbridge[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered[0].arn
  }
}

# A change that was not told is served as it was before, until the entry's time is over.
resource "aws_cloudwatch_metric_alarm" "undelivered" {
  count = local.tells ? 1 : 0

  alarm_name        = "${var.name}-undelivered"
  alarm_description = "Changes of objects could not be told to customerd for an hour. See whether POST /objects/events answers, and whether the issuer gives EventBridge a token with the scope objects:write; then send the queue's messages again, to the same path."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  statistic   = "Maximum"
  dimensions  = { QueueName = aws_sqs_queue.undelivered[0].name }

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm_topic_arns
  ok_actions    = var.alarm_topic_arns
  tags          = var.tags
}
