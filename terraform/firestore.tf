resource "google_firestore_database" "this" {
  name        = "(default)" # the one that Firebase's SDKs look for
  location_id = coalesce(var.firestore_location, var.region)
  type        = "FIRESTORE_NATIVE"

  # Protected, it outlives a destroy: Terraform only forgets it.
  delete_protection_state           = var.protect_data ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.protect_data ? "ABANDON" : "DELETE"
  point_in_time_recovery_enablement = var.protect_data ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"

  depends_on = [google_project_service.enabled]
}

locals {
  # Collections. Firestore indexes every field by itself, which costs storage
  # and, where a value grows with the clock, caps the collection at about 500
  # writes a second. So no field is indexed but those that shared/store queries.
  # What grows has a field with its end, which TTL goes by, or an owner with whom
  # it ends or who bounds it.
  collections = {
    calls         = { ttl = "expireAt" }
    conversations = { ttl = "expireAt", owner = "TTL takes rooms. Two people's is theirs, a group's the group's; dismissed, it stays, so that nobody takes its ID" }
    deliveries    = { ttl = "expireAt" } # one per batch of pushes
    members       = { owner = "their group: who leaves is removed, and all when it is dismissed" }
    messages      = { ttl = "expireAt" }
    pauses        = { owner = "the project: one document, how long FCM wants to hear nothing of it" }
    presence      = { owner = "its user: a document each, of bounded devices and lists" }
    receipts      = { ttl = "expireAt" } # what devices told of pushes
    resources     = { owner = "the operator: one document, of bounded size" }
    roster        = { owner = "its group: dismissing removes it" }
    secrets       = { owner = "the functions: one document, that they made for themselves" }
    tokens        = { owner = "the device: unregistering removes it, and the sweep after 270 silent days" }
  }

  ttl = { for name, c in local.collections : name => c.ttl if lookup(c, "ttl", null) != null }

  # Fields that are queried or ordered by alone.
  indexed = {
    "calls.members"          = [{ contains = true }]                                 # calls of mine, in no order
    "calls.ringing"          = [{ contains = true }]                                 # what rings for me
    "conversations.clearing" = [{ order = "ASCENDING" }]                             # dismissed groups with members left
    "conversations.members"  = [{ contains = true }]                                 # my peer conversations, in no order
    "deliveries.subjectID"   = [{ order = "ASCENDING" }]                             # what became of a message
    "deliveries.took"        = [{ contains = true }]                                 # what took it away again
    "members.number"         = [{ order = "ASCENDING" }]                             # a group's members, page by page
    "members.userID"         = [{ order = "ASCENDING", scope = "COLLECTION_GROUP" }] # my groups
    "messages.changedAt"     = [{ order = "ASCENDING" }]                             # what was revoked or edited since
    "messages.messageID"     = [{ order = "ASCENDING", scope = "COLLECTION_GROUP" }] # a message, for its trace
    "messages.orderKey"      = [{ order = "ASCENDING" }, { order = "DESCENDING" }]   # a conversation's history
    "tokens.day"             = [{ order = "ASCENDING" }]                             # targets that nobody was heard of for long
    "messages.timestamp"     = [{ order = "ASCENDING" }]                             # what is new in a conversation
  }

  # Queries by several fields.
  composites = {
    "calls of a user, newest first" = {
      collection = "calls"
      fields     = [{ path = "members", contains = true }, { path = "createTime", order = "DESCENDING" }]
    }
    "calls that are due" = {
      collection = "calls"
      fields     = [{ path = "dueShard", order = "ASCENDING" }, { path = "dueAt", order = "ASCENDING" }]
    }
    "conversations of a user, last active first" = {
      collection = "conversations"
      fields     = [{ path = "members", contains = true }, { path = "lastAt", order = "DESCENDING" }]
    }
    "deliveries of what somebody reads, newest first" = {
      collection = "deliveries"
      fields     = [{ path = "to", contains = true }, { path = "cid", order = "ASCENDING" }, { path = "seq", order = "DESCENDING" }]
    }
    "leases that have run out" = {
      collection = "presence"
      fields     = [{ path = "shard", order = "ASCENDING" }, { path = "sweepAt", order = "ASCENDING" }]
    }
  }
}

resource "google_firestore_field" "unindexed" {
  for_each = local.collections

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "*"

  index_config {}
}

resource "google_firestore_field" "indexed" {
  for_each = local.indexed

  database   = google_firestore_database.this.name
  collection = split(".", each.key)[0]
  field      = split(".", each.key)[1]

  index_config {
    dynamic "indexes" {
      for_each = each.value
      content {
        order        = lookup(indexes.value, "order", null)
        array_config = lookup(indexes.value, "contains", false) ? "CONTAINS" : null
        query_scope  = lookup(indexes.value, "scope", "COLLECTION")
      }
    }
  }
}

resource "google_firestore_field" "ttl" {
  for_each = local.ttl

  database   = google_firestore_database.this.name
  collection = each.key
  field      = each.value

  ttl_config {}
  index_config {} # it grows with the clock, and nobody queries it
}

resource "google_firestore_index" "composite" {
  for_each = local.composites

  database   = google_firestore_database.this.name
  collection = each.value.collection

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path   = fields.value.path
      order        = lookup(fields.value, "order", null)
      array_config = lookup(fields.value, "contains", false) ? "CONTAINS" : null
    }
  }
}

# Security rules: what clients may read. They write nothing. They can't ask for a
# setting, so the tenant whose users are served is written into them.
locals {
  tenant = var.settings.tenant == null ? "" : var.settings.tenant
  rules  = replace(file("${path.module}/firestore.rules"), "tenant() { return ''; }", "tenant() { return '${local.tenant}'; }")
}

resource "google_firebaserules_ruleset" "firestore" {
  provider = google-beta

  source {
    files {
      name    = "firestore.rules"
      content = local.rules
    }
  }

  depends_on = [google_firestore_database.this]

  lifecycle {
    create_before_destroy = true # a released ruleset can't be deleted
  }
}

# A new ruleset takes a new release. For the seconds between, clients read nothing.
resource "google_firebaserules_release" "firestore" {
  provider     = google-beta
  name         = "cloud.firestore"
  ruleset_name = "projects/${var.project}/rulesets/${basename(google_firebaserules_ruleset.firestore.name)}"
}
