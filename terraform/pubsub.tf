locals {
  # Topics that call a function, by the names that the code and its tools know them by. Attempts are far more than the code needs
  # (DOORBELL_MAX_ATTEMPTS, which counts only those in which FCM was asked): Pub/Sub
  # also counts a delivery that met a busy worker or no free instance.
  queues = {
    push = {
      min_backoff = "5s"
      max_backoff = "600s"
      attempts    = 30 # about four hours
      retention   = "604800s"
    }
    urgent = { # calls ring for 90 seconds by default
      min_backoff = "1s"
      max_backoff = "60s"
      attempts    = 30 # about 25 minutes
      retention   = "604800s"
    }
    fanout = {
      min_backoff = "5s"
      max_backoff = "600s"
      attempts    = 30
      retention   = "604800s"
    }
    sweep = { # a minute later the next one comes
      min_backoff = "5s"
      max_backoff = "60s"
      attempts    = 5
      retention   = "600s"
    }
  }

  # What a function needs to know of the topic that calls it.
  topics = {
    for name, queue in local.queues : name => merge(queue, {
      id          = google_pubsub_topic.queue[name].id
      name        = google_pubsub_topic.queue[name].name
      dead_letter = google_pubsub_topic.dead[name].id
    })
  }
}

resource "google_pubsub_topic" "queue" {
  for_each = local.queues

  name = each.key

  # An operator can replay a day, as after a bug in what calls FCM.
  message_retention_duration = each.key == "sweep" ? null : "86400s"

  depends_on = [google_project_service.enabled]
}

# What a function kept failing on, and what it gave up itself.
resource "google_pubsub_topic" "dead" {
  for_each = local.queues

  name       = "${each.key}-dead"
  depends_on = [google_project_service.enabled]
}

# Keeps dead letters until somebody looks; an alert says when to.
resource "google_pubsub_subscription" "dead" {
  for_each = local.queues

  name                       = google_pubsub_topic.dead[each.key].name
  topic                      = google_pubsub_topic.dead[each.key].id
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the most there is

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves the messages there.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = local.queues

  topic  = google_pubsub_topic.dead[each.key].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

# The account that calls event functions, apart from the ones they run as.
resource "google_service_account" "trigger" {
  account_id   = "${local.prefix}-trigger"
  display_name = "Doorbell: calls the event functions"
  depends_on   = [google_project_service.enabled]
}

# Lets Eventarc deliver Firestore's events as it. What it may call is granted
# function by function.
resource "google_project_iam_member" "trigger" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.trigger.member
}
