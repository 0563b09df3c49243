# What an operator is told of, each with what to do. Spend is a budget, below.

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
  depends_on   = [google_project_service.enabled]
}

locals {
  alerts = {
    backlog = {
      title    = "pushes are late"
      severity = "CRITICAL"
      query    = "max by (subscription_id) (${local.series.oldest_unacked}) > 300"
      duration = "120s"
      runbook  = <<-EOT
        The oldest message of a subscription has waited five minutes: people are rung late.

        1. Look at the function of the subscription's name: its errors and its number of instances, on the dashboard.
        2. At its most instances: raise `max_instances` in `sizing`. For dispatch see FCM's answers first: a `quota` there slows it down on purpose.
        3. Failing: its log says why. Pub/Sub repeats until the dead-letter topic takes the message.
      EOT
    }
    urgent_backlog = {
      title    = "calls ring late"
      severity = "CRITICAL"
      query    = "max by (subscription_id) (${local.series.oldest_unacked_urgent}) > 30"
      duration = "60s"
      runbook  = <<-EOT
        A call or a message of high priority has waited 30 seconds; calls ring for 90 by default.

        As for late pushes, with the function dispatch-urgent. An instance that is always ready helps
        against cold starts: `min_instances` in `sizing`.
      EOT
    }
    trigger_backlog = {
      title    = "messages or calls are not planned"
      severity = "CRITICAL"
      query    = "max by (subscription_id) (${local.series.oldest_unacked_eventarc}) > 300"
      duration = "120s"
      runbook  = <<-EOT
        Eventarc has tried for five minutes to deliver an event of Firestore. It gives up after a day, and then
        whoever the message was for is not rung.

        1. Look at the logs of on-message and on-call. The subscription's name begins with the trigger's.
        2. "Permission denied": the trigger's account has lost `roles/run.invoker`; `terraform apply` gives it back.
      EOT
    }
    dead_letters = {
      title    = "pushes were given up"
      severity = "ERROR"
      query    = "max by (subscription_id) (${local.series.dead_letters}) > 0"
      duration = "0s"
      runbook  = <<-EOT
        A dead-letter subscription holds messages: people were not rung.

        1. Look: `go run ./scripts/doorbell dead-letter list`. The reason is FCM's class, where
           dispatch gave up itself; without one, Pub/Sub did after its last delivery.
        2. Mend the cause: credentials and APNs key as in "FCM refuses us"; a message that can't be decoded is a bug.
        3. What is still worth sending: `go run ./scripts/doorbell dead-letter replay`. `--queue` and `--reason` pick some.
        4. Empty the subscription, which ends the alert: `gcloud pubsub subscriptions seek SUBSCRIPTION --time=$(date -u +%FT%TZ)`.
      EOT
    }
    fcm_refuses = {
      title    = "FCM refuses us"
      severity = "CRITICAL"
      query    = "sum by (detail) (increase(${local.series.pushes_refused}[10m])) > 0"
      duration = "0s"
      runbook  = <<-EOT
        FCM answers with an error that would meet every push. By `detail`:

        - `credentials`: dispatch's account may not send. `terraform apply` gives it its role back; is fcm.googleapis.com enabled?
        - `third_party_auth`: the APNs key in Firebase has expired or is another app's (Project settings, Cloud Messaging).
        - `sender_mismatch`: tokens of another Firebase project are registered. No token is removed for it.
        - `wrong_project`: GOOGLE_CLOUD_PROJECT is not the project of the apps.

        What could not be sent is in the dead-letter topic.
      EOT
    }
    error_rate = {
      title    = "clients get errors"
      severity = "ERROR"
      query    = "sum(rate(${local.series.public_errors}[5m])) / sum(rate(${local.series.public_requests}[5m])) > 0.01 and sum(increase(${local.series.public_requests}[5m])) > 100"
      duration = "300s"
      runbook  = <<-EOT
        More than one request in a hundred is answered with 5xx.

        1. The dashboard says which function. Its log line "request failed" has the path and the error.
        2. 503 with Retry-After is contention or overload of Firestore: is one conversation very busy?
        3. 429 and "no available instance" come from Cloud Run: raise `max_instances`.
      EOT
    }
    no_sweep = {
      title    = "nothing is swept"
      severity = "CRITICAL"
      query    = "(sum(increase(${local.series.sweeps}[10m])) or vector(0)) < 1"
      duration = "0s"
      runbook  = <<-EOT
        No sweep has ended well for ten minutes: calls ring on that nobody answers, and devices that seemed online are not
        rung for what they missed.

        1. Does Cloud Scheduler's job run, and is it not paused?
        2. The log of sweep says what fails.
      EOT
    }
    not_understood = {
      title    = "events are not understood"
      severity = "ERROR"
      query    = "sum by (message) (increase(${local.series.not_understood}[10m])) > 0"
      duration = "0s"
      runbook  = <<-EOT
        A document that on-message or on-call was told of could not be read, so nobody was rung for it. It is not
        tried again. The log line names the document. Was it written by something else than Doorbell, or by a newer version?
      EOT
    }
  }

  ours = "subscription_id=~\"${local.prefix}-.*\""
  dead = "subscription_id=~\"${join("|", [for s in google_pubsub_subscription.dead : s.name])}\""

  # Series, as PromQL names them. FCM's classes and the log's messages are the code's.
  series = {
    oldest_unacked          = "pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",${local.ours}}"
    oldest_unacked_urgent   = "pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=\"${module.dispatch_urgent.service}\"}"
    oldest_unacked_eventarc = "pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=~\"eventarc-.*${local.prefix}-.*\"}"
    waiting                 = "pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",${local.ours}}"
    dead_letters            = "pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",${local.dead}}"
    pushes                  = "logging_googleapis_com:user_doorbell_pushes_sum{monitored_resource=\"cloud_run_revision\"}"
    pushes_refused          = "logging_googleapis_com:user_doorbell_pushes_sum{monitored_resource=\"cloud_run_revision\",detail=~\"credentials|third_party_auth|sender_mismatch|wrong_project\"}"
    dead_tokens             = "logging_googleapis_com:user_doorbell_pushes_sum{monitored_resource=\"cloud_run_revision\",status=\"failed\",detail=~\"unregistered|invalid_target\"}"
    latency                 = "logging_googleapis_com:user_doorbell_push_latency_bucket{monitored_resource=\"cloud_run_revision\"}"
    errors                  = "logging_googleapis_com:user_doorbell_errors{monitored_resource=\"cloud_run_revision\"}"
    not_understood          = "logging_googleapis_com:user_doorbell_errors{monitored_resource=\"cloud_run_revision\",message=\"event not understood\"}"
    requests                = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=~\"${local.prefix}-.*\"}"
    sweeps                  = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=\"${module.sweep.service}\",response_code_class=\"2xx\"}"
    public_requests         = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=~\"${local.public_services}\"}"
    public_errors           = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=~\"${local.public_services}\",response_code_class=\"5xx\"}"
  }

  public_services = join("|", local.public[*].service)
}

# PromQL, because it may name a log-based metric that has no data yet.
resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  display_name          = "Doorbell: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.runbook
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.log]
}

resource "google_billing_budget" "spend" {
  count    = var.budget == null ? 0 : 1
  provider = google-beta

  billing_account = var.budget.billing_account
  display_name    = "Doorbell in ${var.project}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  # Whoever may see the billing account is told as well.
  all_updates_rule {
    monitoring_notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  }

  depends_on = [google_project_service.enabled]
}
