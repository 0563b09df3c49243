# One page that tells how Doorbell is, from what people notice down to what costs.

locals {
  # Each chart's title, and what is drawn: name of a line, from its labels, to query.
  charts = [
    {
      title = "Messages sent, per second" # repeats count; a browser's preflights answer 204
      lines = { sent = "sum(rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=\"${module.send.service}\",response_code=\"200\"}[5m]))" }
    },
    {
      title = "Pushes per second, by outcome"
      lines = { "$${status}" = "sum by (status) (rate(${local.series.pushes}[5m]))" }
    },
    {
      title = "From message to the last answer of its batch, in ms, by batches"
      lines = { for name, q in { p50 = 0.5, p95 = 0.95, p99 = 0.99 } : name => "histogram_quantile(${q}, sum by (le) (rate(${local.series.latency}[5m])))" }
    },
    {
      title = "The same of calls, in ms"
      lines = { for name, q in { p50 = 0.5, p95 = 0.95, p99 = 0.99 } : name => "histogram_quantile(${q}, sum by (le) (rate(${replace(local.series.latency, "}", ",kind=~\"call.*\"}")}[5m])))" }
    },
    {
      title = "Waiting in Pub/Sub"
      lines = { "$${subscription_id}" = "sum by (subscription_id) (${local.series.waiting})" }
    },
    {
      title = "Oldest message waiting, in seconds"
      lines = { "$${subscription_id}" = "max by (subscription_id) (${local.series.oldest_unacked})" }
    },
    {
      title = "Dead letters"
      lines = { "$${subscription_id}" = "sum by (subscription_id) (${local.series.dead_letters})" }
    },
    {
      title = "Dead tokens found, per minute"
      lines = { found = "60 * sum(rate(${local.series.dead_tokens}[5m]))" }
    },
    {
      title = "Pushes not sent, per minute, by reason"
      lines = { "$${status} $${detail}" = "60 * sum by (status, detail) (rate(${replace(local.series.pushes, "}", ",status!=\"sent\"}")}[5m]))" }
    },
    {
      title = "Errors per minute, by log message"
      lines = { "$${service_name}: $${message}" = "60 * sum by (service_name, message) (rate(${local.series.errors}[5m]))" }
    },
    {
      title = "Requests per second, by function"
      lines = { "$${service_name}" = "sum by (service_name) (rate(${local.series.requests}[5m]))" }
    },
    {
      title = "Requests answered with 5xx, per minute"
      lines = { "$${service_name}" = "60 * sum by (service_name) (rate(${replace(local.series.requests, "}", ",response_code_class=\"5xx\"}")}[5m]))" }
    },
    {
      title = "Cost: Firestore operations per second"
      lines = { for op in ["read", "write", "delete"] : op => "sum(rate(firestore_googleapis_com:document_${op}_count{monitored_resource=\"firestore_instance\"}[5m]))" }
    },
    {
      title = "Cost: instances' billed seconds per second"
      lines = { "$${service_name}" = "sum by (service_name) (rate(run_googleapis_com:container_billable_instance_time{monitored_resource=\"cloud_run_revision\",service_name=~\"${local.prefix}-.*\"}[5m]))" }
    },
    {
      title = "Cost: requests to presence per second, nearly all heartbeats"
      lines = { presence = "sum(rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=\"${module.presence.service}\",response_code=\"200\"}[5m]))" }
    },
    {
      title = "Cost: logs, in bytes per second"
      lines = { logs = "sum(rate(logging_googleapis_com:billing_bytes_ingested{monitored_resource=\"global\"}[15m]))" }
    },
  ]
}

resource "google_monitoring_dashboard" "doorbell" {
  dashboard_json = jsonencode({
    displayName = "Doorbell"
    mosaicLayout = {
      columns = 48
      tiles = [
        for i, chart in local.charts : {
          xPos   = i % 2 * 24
          yPos   = floor(i / 2) * 14
          width  = 24
          height = 14
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [
                for name, query in chart.lines : {
                  plotType       = "LINE"
                  legendTemplate = name
                  timeSeriesQuery = {
                    prometheusQuery = query
                  }
                }
              ]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.log]
}
