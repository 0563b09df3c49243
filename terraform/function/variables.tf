variable "deploy" {
  description = "What all functions share; the root's local of this name."
  type = object({
    project         = string
    region          = string
    prefix          = string
    runtime         = string
    build_account   = string # full resource name
    repository      = string # full resource name
    source          = object({ bucket = string, object = string })
    environment     = map(string)
    database        = object({ name = string, location = string })
    trigger_account = string # email
    pubsub_agent    = string # IAM member
    fcm_role        = string
    traces          = bool # exports them
    sizing = map(object({  # the operator's, by function
      memory        = optional(string)
      cpu           = optional(string)
      concurrency   = optional(number)
      min_instances = optional(number)
      max_instances = optional(number)
      timeout       = optional(number)
    }))
  })
}

variable "description" {
  description = "What the function does, for the console."
  type        = string
}

variable "document" {
  description = "Firestore documents that call the function, and which change does (created or written)."
  type        = object({ path = string, change = string })
  default     = null
}

variable "environment" {
  description = "Environment variables of this function alone, which win."
  type        = map(string)
  default     = {}
}

variable "firestore" {
  description = "What the function does with the database: none, read or write."
  type        = string
  default     = "none"
  validation {
    condition     = contains(["none", "read", "write"], var.firestore)
    error_message = "Give none, read or write."
  }
}

variable "name" {
  description = "The function's name in the code, and its entry point."
  type        = string
}

variable "paths" {
  description = "Paths of the public host that the function answers, as Firebase Hosting's globs."
  type        = list(string)
  default     = []
}

variable "public" {
  description = "Clients call the function."
  type        = bool
  default     = false
}

variable "publishes" {
  description = "Topics the function publishes to: IDs by name."
  type        = map(string)
  default     = {}
}

variable "sends_pushes" {
  description = "The function sends to FCM."
  type        = bool
  default     = false
}

variable "sizing" {
  description = "What differs from the defaults in main.tf."
  type = object({
    memory        = optional(string)
    cpu           = optional(string)
    concurrency   = optional(number)
    min_instances = optional(number)
    max_instances = optional(number)
    timeout       = optional(number) # seconds
  })
  default = {}
}

variable "topic" {
  description = "The Pub/Sub topic that calls the function, with how its messages are retried."
  type = object({
    id          = string
    name        = string
    dead_letter = string
    min_backoff = string
    max_backoff = string
    attempts    = number
    retention   = string
  })
  default = null
}
