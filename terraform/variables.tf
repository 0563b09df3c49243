variable "alert_emails" {
  description = "Who is told when an alert fires. Empty: alerts show only in the console."
  type        = list(string)
  default     = []
}

variable "allowed_origins" {
  description = "Web origins whose pages may call the functions, such as https://app.example.com; \"*\" for any. Pages of the public host need no entry."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for o in var.allowed_origins : o == "*" || can(regex("^https?://[^/,\\s]+$", o))])
    error_message = "Give origins: scheme and host, without a path, such as https://app.example.com."
  }
}

variable "app_check" {
  description = "Firebase App Check for what clients read of Firestore: OFF, UNENFORCED (only counts) or ENFORCED. Register your apps with App Check first. The functions have a setting of this name of their own."
  type        = string
  default     = "OFF"
  validation {
    condition     = contains(["OFF", "UNENFORCED", "ENFORCED"], var.app_check)
    error_message = "Give OFF, UNENFORCED or ENFORCED."
  }
}

variable "budget" {
  description = "Alerts at 50, 90 and 100 % of a month's spend in the project: the billing account's ID, and how much in its currency. Needs the right to manage its budgets."
  type        = object({ billing_account = string, amount = number })
  default     = null
}

variable "firestore_location" {
  description = "Where the data is: a region, nam5 or eur3. It can't be changed later. Default: the region. Near the functions is faster and cheaper."
  type        = string
  default     = null
}

variable "initialize_auth" {
  description = "Turn Firebase Auth on, in a project where it never was. It can't be turned off again."
  type        = bool
  default     = false
}

variable "project" {
  description = "ID of the Google Cloud project, with billing enabled."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "Give the project's ID: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "protect_data" {
  description = "Keep the database whatever happens: no deletion, not by destroy either, and seven days of point-in-time recovery."
  type        = bool
  default     = true
}

variable "region" {
  description = "Where the functions run. Firebase Hosting has to be able to reach Cloud Run there."
  type        = string
  default     = "us-central1"
}

variable "runtime" {
  description = "Cloud Run functions' Go runtime; at least the version in go.mod."
  type        = string
  default     = "go126"
}

variable "settings" {
  description = "Doorbell's settings, each DOORBELL_<NAME> in the table of functions/README.md (Configuration), which has their meaning, defaults and limits."
  type = object({
    app_check               = optional(string)
    call_retention_hours    = optional(number)
    fanout_threshold        = optional(number)
    fcm_concurrency         = optional(number)
    fcm_instances           = optional(number)
    edit_seconds            = optional(number)
    fcm_rate_per_minute     = optional(number)
    lease_seconds           = optional(number)
    ledger_retention_hours  = optional(number)
    max_attempts            = optional(number)
    max_call_invitees       = optional(number)
    max_dead_percent        = optional(number)
    max_devices             = optional(number)
    max_group_members       = optional(number)
    max_text_bytes          = optional(number)
    message_retention_hours = optional(number)
    notification_defaults   = optional(string) # JSON: jsonencode({ groupLevel = "mentions" })
    push_ttl_seconds        = optional(number)
    rate_limits             = optional(string)
    record_skips            = optional(string)
    revoke_seconds          = optional(number)
    system_user             = optional(string)
    tenant                  = optional(string) # a tenant of Identity Platform; none: users of no tenant
    trace_export            = optional(number) # percent of traces exported to Cloud Trace
    web_click_url           = optional(string)
  })
  default = {}
  validation {
    condition     = can(regex("^[A-Za-z0-9-]{0,64}$", var.settings.tenant == null ? "" : var.settings.tenant))
    error_message = "Give settings.tenant as Identity Platform shows a tenant's ID, such as app-x1y2z."
  }
}

variable "site" {
  description = "Firebase Hosting's name for the public host, https://NAME.web.app; unique in the world. Default: <project>-doorbell."
  type        = string
  default     = null
}

variable "sizing" {
  description = "Size of functions, by name, where it should differ from the README's table."
  type = map(object({
    memory        = optional(string) # such as 256Mi
    cpu           = optional(string)
    concurrency   = optional(number) # requests at once on an instance
    min_instances = optional(number)
    max_instances = optional(number)
    timeout       = optional(number) # seconds
  }))
  default = {}
}

variable "system_accounts" {
  description = "Service accounts, by email, whose backends may send as the system: POST /system-send with an ID token made for the public host. Empty: nobody may."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for a in var.system_accounts : can(regex("^[^@,\\s]+@[^@,\\s]+\\.gserviceaccount\\.com$", a))])
    error_message = "Give service accounts by their email, such as robot@project.iam.gserviceaccount.com."
  }
}
