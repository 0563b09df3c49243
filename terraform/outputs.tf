output "base_url" {
  description = "The public host: the functions' paths follow it, as in <base_url>/send."
  value       = google_firebase_hosting_site.public.default_url
}

output "dashboard_url" {
  value = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.doorbell.id), 3)}?project=${var.project}"
}

output "firebase_config" {
  description = "What a web page gives to the Firebase SDK's initializeApp. None of it is secret."
  value = {
    for name, value in {
      apiKey            = data.google_firebase_web_app_config.this.api_key
      appId             = google_firebase_web_app.this.app_id
      authDomain        = data.google_firebase_web_app_config.this.auth_domain
      measurementId     = data.google_firebase_web_app_config.this.measurement_id # of a project with Google Analytics
      messagingSenderId = data.google_firebase_web_app_config.this.messaging_sender_id
      projectId         = var.project
      storageBucket     = data.google_firebase_web_app_config.this.storage_bucket
    } : name => value if try(length(value), 0) > 0
  }
}

output "function_urls" {
  description = "The public functions' own URLs, a hop shorter than base_url. A page that uses them needs an entry in allowed_origins."
  value       = { for function in local.public : function.service => function.uri }

  precondition {
    condition     = length(setsubtract(keys(var.sizing), concat(local.public, local.triggered)[*].name)) == 0
    error_message = "sizing names what is no function: ${join(", ", setsubtract(keys(var.sizing), concat(local.public, local.triggered)[*].name))}."
  }
}
