project         = "my-doorbell" # yours
region          = "us-central1"
allowed_origins = ["https://app.example.com"] # your web app's, if you have one
alert_emails    = ["oncall@example.com"]      # yours

# Tells when the month's spend nears an amount. Until it is set, nobody is told.
# budget = { billing_account = "000000-000000-000000", amount = 100 }

# An instance always ready on the way of a call: no cold start while it rings.
sizing = {
  call-invite     = { min_instances = 1 }
  on-call         = { min_instances = 1 }
  dispatch-urgent = { min_instances = 1 }
}
