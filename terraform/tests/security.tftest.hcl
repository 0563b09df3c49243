# What must hold of the whole, without a cloud: the providers' real schemas and
# checks, made-up answers.

mock_provider "archive" {}

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "google-beta" {
  source = "./tests/mocks"
}

override_resource {
  target = google_service_account.trigger
  values = {
    email  = "trigger@doorbell-test.iam.gserviceaccount.com"
    member = "serviceAccount:trigger@doorbell-test.iam.gserviceaccount.com"
  }
}

variables {
  project      = "doorbell-test"
  alert_emails = ["oncall@example.com"]
  app_check    = "ENFORCED"
  budget       = { billing_account = "000000-000000-000000", amount = 100 }
}

run "everything" {
  command = apply

  # Who may call.

  assert {
    condition = alltrue([
      for f in local.public :
      f.invoker == "allUsers" && f.function.service_config[0].ingress_settings == "ALLOW_ALL" && length(f.function.event_trigger) == 0
    ])
    error_message = "Clients can't call a function that is for them."
  }

  assert {
    condition = alltrue([
      for f in local.triggered :
      f.invoker == "serviceAccount:trigger@doorbell-test.iam.gserviceaccount.com" && f.function.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    ])
    error_message = "An event function may be called by others than the trigger account."
  }

  # What functions may do.

  assert {
    condition = length(distinct([
      for f in concat(local.public, local.triggered) : f.account.account_id
    ])) == length(local.public) + length(local.triggered)
    error_message = "Two functions run as one account."
  }

  assert {
    condition = alltrue([
      for f in concat(local.public, local.triggered) :
      alltrue([for role in f.roles : contains(["roles/datastore.viewer", "roles/datastore.user", google_project_iam_custom_role.fcm.name], role)])
      && f.account.email == f.function.service_config[0].service_account_email
    ])
    error_message = "A function has a role in the project that it doesn't need, or runs as another account than its own."
  }

  # The other accounts: each role is on this list, and no primitive one is.
  assert {
    condition = (
      google_project_iam_member.build_logs.role == "roles/logging.logWriter"
      && google_project_iam_member.build_source.role == "roles/storage.objectViewer" && length(google_project_iam_member.build_source.condition) == 1
      && google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer"
      && google_project_iam_member.trigger.role == "roles/eventarc.eventReceiver"
      && google_project_iam_member.eventarc_agent.role == "roles/eventarc.serviceAgent"
      && alltrue([for m in google_pubsub_topic_iam_member.dead_letter : m.role == "roles/pubsub.publisher"])
    )
    error_message = "The account that builds, the one that calls event functions, or one of Google's has another role than it needs."
  }

  assert {
    condition     = alltrue([for f in concat(local.public, local.triggered) : f.function.build_config[0].entry_point == f.name && f.service == "doorbell-${f.name}"])
    error_message = "A function starts as another one."
  }

  assert {
    condition     = module.on_message.roles == ["roles/datastore.user"]
    error_message = "on-message has more than the ledger takes."
  }

  assert {
    condition     = [for f in concat(local.public, local.triggered) : f.service if contains(f.roles, google_project_iam_custom_role.fcm.name)] == ["doorbell-register", "doorbell-dispatch", "doorbell-dispatch-urgent"]
    error_message = "Only dispatch may send to FCM, and register for a self-test."
  }

  assert {
    condition     = google_project_iam_custom_role.fcm.permissions == toset(["cloudmessaging.messages.create"])
    error_message = "The role for FCM allows more than sending."
  }

  # Nothing is lost.

  assert {
    condition = alltrue([
      for f in local.triggered : alltrue([
        for trigger in f.function.event_trigger :
        trigger.retry_policy == "RETRY_POLICY_RETRY" && trigger.service_account_email == "trigger@doorbell-test.iam.gserviceaccount.com"
      ])
    ])
    error_message = "A trigger doesn't retry, or isn't the trigger account's."
  }

  assert {
    condition = alltrue([
      for f in local.triggered : f.subscription == null ? length(f.function.event_trigger) == 1 :
      f.subscription.dead_letter_policy[0].max_delivery_attempts >= 5
      && length(f.subscription.retry_policy) == 1
      && f.subscription.expiration_policy[0].ttl == ""
      && f.subscription.ack_deadline_seconds > f.function.service_config[0].timeout_seconds
      && f.subscription.push_config[0].oidc_token[0].service_account_email == "trigger@doorbell-test.iam.gserviceaccount.com"
    ])
    error_message = "A function has no trigger; or its subscription has no dead-letter topic, no back-off or an end, repeats a delivery under way, or calls without a token."
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.dead : s.expiration_policy[0].ttl == "" && s.message_retention_duration == "2678400s"])
    error_message = "Dead letters are not kept."
  }

  assert {
    condition     = toset(keys(google_pubsub_subscription.dead)) == toset(keys(google_pubsub_topic.queue))
    error_message = "A topic's dead letters go nowhere."
  }

  # Data.

  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore" && google_firebaserules_ruleset.firestore.source[0].files[0].content == file("firestore.rules")
    error_message = "The security rules are not released."
  }

  assert {
    condition = alltrue([
      for name, c in local.collections :
      lookup(c, "ttl", null) == null ? length(lookup(c, "owner", "")) > 10 :
      length(google_firestore_field.ttl[name].ttl_config) == 1 && google_firestore_field.ttl[name].field == c.ttl
    ])
    error_message = "A collection that grows has neither a TTL nor an owner."
  }

  assert {
    condition     = toset(keys(google_firestore_field.unindexed)) == toset(keys(local.collections))
    error_message = "A collection indexes every field."
  }

  assert {
    condition     = alltrue([for f in google_firestore_field.unindexed : f.field == "*" && try(length(f.index_config[0].indexes), 0) == 0])
    error_message = "A collection indexes fields that nobody queries."
  }

  assert {
    condition     = google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.this.deletion_policy == "ABANDON"
    error_message = "The data is not protected by default."
  }

  assert {
    condition     = google_storage_bucket.source.public_access_prevention == "enforced"
    error_message = "The source may become public."
  }

  # An operator is told.

  assert {
    condition = alltrue([
      for a in google_monitoring_alert_policy.alert : length(a.notification_channels) == 1 && length(a.documentation[0].content) > 200
    ])
    error_message = "An alert tells nobody, or not what to do."
  }
}

run "sizing_and_settings" {
  variables {
    sizing   = { send = { max_instances = 7 }, sweep = { memory = "512Mi" }, dispatch = { max_instances = 6 } }
    settings = { lease_seconds = 300, record_skips = "off", tenant = "app-x1y2z" }
  }

  assert {
    condition = (
      local.environment["DOORBELL_TENANT"] == "app-x1y2z"
      && strcontains(google_firebaserules_ruleset.firestore.source[0].files[0].content, "function tenant() { return 'app-x1y2z'; }")
    )
    error_message = "The functions or the security rules serve another tenant than the operator's."
  }

  assert {
    condition     = module.send.function.service_config[0].max_instance_count == 7 && module.send.function.service_config[0].available_memory == "256Mi"
    error_message = "The operator's size is not taken, or takes more with it."
  }
  assert {
    condition     = module.on_message.roles == ["roles/datastore.viewer"] && module.fan_out.roles == ["roles/datastore.viewer"]
    error_message = "Who writes nothing may write."
  }
  assert {
    condition     = module.sweep.function.service_config[0].timeout_seconds == 100 && module.sweep.function.service_config[0].available_memory == "512Mi"
    error_message = "The operator's size undoes what is special about sweep."
  }
  assert {
    condition = (
      module.sweep.function.service_config[0].environment_variables["GOMEMLIMIT"] == "483183820B"
      && module.send.function.service_config[0].environment_variables["GOMEMLIMIT"] == "241591910B"
    )
    error_message = "Go doesn't know how much memory there is."
  }
  assert {
    condition     = local.environment["DOORBELL_LEASE_SECONDS"] == "300" && !contains(keys(local.environment), "DOORBELL_MAX_DEVICES")
    error_message = "A setting doesn't arrive, or one that isn't set does."
  }
  assert {
    condition = (
      module.dispatch.function.service_config[0].environment_variables["DOORBELL_FCM_INSTANCES"] == "8"
      && module.dispatch_urgent.function.service_config[0].environment_variables["DOORBELL_FCM_INSTANCES"] == "20"
      && module.dispatch.function.service_config[0].max_instance_count / 8 + module.dispatch_urgent.function.service_config[0].max_instance_count / 20 <= 1
    )
    error_message = "All instances that send to FCM together have more than its quota."
  }
}

run "nothing_kept" {
  variables {
    protect_data = false
    app_check    = "OFF"
    budget       = null
  }

  assert {
    condition     = google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.this.deletion_policy == "DELETE"
    error_message = "destroy would fail on the database."
  }
  assert {
    condition     = length(google_billing_budget.spend) == 0 && length(google_firebase_app_check_service_config.firestore) == 0
    error_message = "What is off is there."
  }
  assert {
    condition     = !contains(keys(google_project_service.enabled), "firebaseappcheck.googleapis.com")
    error_message = "App Check's API is enabled for nothing."
  }
}

run "app_check_of_the_functions_only" {
  variables {
    app_check = "OFF"
    settings  = { app_check = "log" }
  }

  assert {
    condition     = contains(keys(google_project_service.enabled), "firebaseappcheck.googleapis.com") && local.environment["DOORBELL_APP_CHECK"] == "log"
    error_message = "The functions ask for App Check's tokens, and clients can't get any."
  }
}

run "a_size_of_no_function" {
  command = plan
  variables {
    sizing = { despatch = { memory = "1Gi" } }
  }
  expect_failures = [output.function_urls]
}
