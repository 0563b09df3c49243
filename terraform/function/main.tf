# One function: its account with the least roles, its Cloud Run service, what
# calls it and who may.

locals {
  # Defaults for every function; the README's table gives the reasons.
  defaults = {
    memory        = "256Mi"
    cpu           = "1"
    concurrency   = 80
    min_instances = 0
    max_instances = 20
    timeout       = 60
  }

  # The operator's wish, else what is special about the function, else the default.
  sizing = merge(local.defaults, [
    for size in [var.sizing, try(var.deploy.sizing[var.name], {})] :
    { for k, v in size : k => v if v != null }
  ]...)

  name = "${var.deploy.prefix}-${var.name}"

  # Nine tenths of the memory, in bytes, where Go's collector begins to work harder:
  # left to itself it lets twice what is in use pile up.
  memory       = regex("^(\\d+)(M|Mi|G|Gi)$", local.sizing.memory)
  memory_limit = floor(0.9 * tonumber(local.memory[0]) * { M = 1000000, Mi = 1048576, G = 1000000000, Gi = 1073741824 }[local.memory[1]])
}

resource "google_service_account" "runtime" {
  account_id   = local.name
  display_name = "Doorbell: runs ${var.name}"
}

resource "google_cloudfunctions2_function" "this" {
  name        = local.name
  location    = var.deploy.region
  description = var.description

  build_config {
    runtime           = var.deploy.runtime
    entry_point       = var.name
    service_account   = var.deploy.build_account
    docker_repository = var.deploy.repository
    environment_variables = {
      GOOGLE_GOLDFLAGS = "-s -w" # no debugger there, and a smaller image starts sooner
    }
    source {
      storage_source {
        bucket = var.deploy.source.bucket
        object = var.deploy.source.object
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.runtime.email
    environment_variables            = merge(var.deploy.environment, var.environment, { GOMEMLIMIT = "${local.memory_limit}B" })
    available_memory                 = local.sizing.memory
    available_cpu                    = local.sizing.cpu
    max_instance_request_concurrency = local.sizing.concurrency
    min_instance_count               = local.sizing.min_instances
    max_instance_count               = local.sizing.max_instances
    timeout_seconds                  = local.sizing.timeout
    all_traffic_on_latest_revision   = true

    # Triggers of the project count as internal.
    ingress_settings = var.public ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
  }

  # Firestore's events come through Eventarc, which repeats them for a day.
  dynamic "event_trigger" {
    for_each = var.document == null ? [] : [var.document]
    content {
      event_type            = "google.cloud.firestore.document.v1.${event_trigger.value.change}"
      trigger_region        = var.deploy.database.location
      service_account_email = var.deploy.trigger_account
      retry_policy          = "RETRY_POLICY_RETRY"

      event_filters {
        attribute = "database"
        value     = var.deploy.database.name
      }
      event_filters {
        attribute = "document"
        value     = event_trigger.value.path
        operator  = "match-path-pattern"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length([for called in [var.public, var.topic != null, var.document != null] : called if called]) == 1
      error_message = "${var.name}: give one of public, topic and document, and no more."
    }
    precondition {
      condition     = local.sizing.concurrency == 1 || tonumber(local.sizing.cpu) >= 1
      error_message = "${var.name}: Cloud Run gives an instance less than one CPU only with a concurrency of 1."
    }
  }
}

# Public functions check the caller's Firebase ID token themselves.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  name     = google_cloudfunctions2_function.this.name
  location = var.deploy.region
  role     = "roles/run.invoker"
  member   = var.public ? "allUsers" : "serviceAccount:${var.deploy.trigger_account}"
}

# Pub/Sub calls the function itself, which Eventarc's own subscription would not
# let us give a back-off, a dead-letter topic or an end.
resource "google_pubsub_subscription" "this" {
  count = var.topic == null ? 0 : 1

  name  = local.name
  topic = var.topic.id

  # A delivery must not be repeated while the function may still be at work.
  ack_deadline_seconds       = local.sizing.timeout + 10
  message_retention_duration = var.topic.retention

  expiration_policy {
    ttl = "" # never, however quiet it is
  }

  push_config {
    # The Functions Framework makes an event of a plain push whose path ends so.
    push_endpoint = "${google_cloudfunctions2_function.this.service_config[0].uri}/projects/${var.deploy.project}/topics/${var.topic.name}"
    oidc_token {
      service_account_email = var.deploy.trigger_account
      audience              = google_cloudfunctions2_function.this.service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = var.topic.min_backoff
    maximum_backoff = var.topic.max_backoff
  }

  dead_letter_policy {
    dead_letter_topic     = var.topic.dead_letter
    max_delivery_attempts = var.topic.attempts
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invoker]
}

# To move a message to the dead-letter topic, Pub/Sub takes it from here.
resource "google_pubsub_subscription_iam_member" "dead_letter" {
  count = var.topic == null ? 0 : 1

  subscription = google_pubsub_subscription.this[0].name
  role         = "roles/pubsub.subscriber"
  member       = var.deploy.pubsub_agent
}

# Firestore knows no finer roles than these two; the condition keeps them to this database.
resource "google_project_iam_member" "firestore" {
  count = var.firestore == "none" ? 0 : 1

  project = var.deploy.project
  role    = { read = "roles/datastore.viewer", write = "roles/datastore.user" }[var.firestore]
  member  = google_service_account.runtime.member

  condition {
    title      = "Doorbell's database"
    expression = "resource.name == \"projects/${var.deploy.project}/databases/${var.deploy.database.name}\""
  }
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishes

  topic  = each.value
  role   = "roles/pubsub.publisher"
  member = google_service_account.runtime.member
}

resource "google_project_iam_member" "fcm" {
  count = var.sends_pushes ? 1 : 0

  project = var.deploy.project
  role    = var.deploy.fcm_role
  member  = google_service_account.runtime.member
}

# Spans, where they are exported: to write them and nothing else.
resource "google_project_iam_member" "traces" {
  count = var.deploy.traces ? 1 : 0

  project = var.deploy.project
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.runtime.member
}
