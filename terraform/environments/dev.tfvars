# A project to try things in: nothing is kept, nothing waits for requests.
project         = "my-doorbell-dev" # yours
region          = "us-central1"
allowed_origins = ["*"]
initialize_auth = true # false, if Firebase Auth was ever on there
protect_data    = false

settings = {
  record_skips = "all" # why somebody was not rung stands in the ledger, too
}
