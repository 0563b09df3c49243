# Metrics from the functions' log lines. Their names, and the messages and fields
# they are made of, are constants in shared/logs; a test holds the two together.

locals {
  # Lines of Doorbell's functions only. Which function stands in the metric as its resource.
  our_logs = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name:\"${local.prefix}-\""

  log_metrics = {
    "doorbell/pushes" = {
      description = "Devices by what became of their push"
      filter      = "jsonPayload.message=\"dispatched\""
      value       = "EXTRACT(jsonPayload.count)"
      unit        = "1"
      labels      = { kind = "jsonPayload.kind", status = "jsonPayload.status", detail = "jsonPayload.detail" }
    }
    "doorbell/push_latency" = {
      # A sample for each try of a batch that sent something, at its end: how late
      # the last of up to 500 devices was. A line a push would be up to 500 times the logs.
      description = "Time from message or call to FCM's last answer in a batch: one sample a batch"
      filter      = "jsonPayload.message=\"dispatched\" AND jsonPayload.status=\"sent\""
      value       = "EXTRACT(jsonPayload.latencyMs)"
      unit        = "ms"
      labels      = { kind = "jsonPayload.kind" }
    }
    "doorbell/errors" = {
      description = "Log lines that tell of an error, by message"
      filter      = "severity>=ERROR AND jsonPayload.message:*"
      value       = null
      unit        = "1"
      labels      = { message = "jsonPayload.message" }
    }
  }
}

resource "google_logging_metric" "log" {
  for_each = local.log_metrics

  name            = each.key
  description     = each.value.description
  filter          = "${local.our_logs} AND ${each.value.filter}"
  value_extractor = each.value.value
  label_extractors = {
    for label, field in each.value.labels : label => "EXTRACT(${field})"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key = labels.key
      }
    }
  }

  # From 1, each a third more than the one before: up to half an hour in ms.
  dynamic "bucket_options" {
    for_each = each.value.value == null ? [] : [1]
    content {
      exponential_buckets {
        num_finite_buckets = 50
        growth_factor      = 1.33
        scale              = 1
      }
    }
  }

  depends_on = [google_project_service.enabled]
}
