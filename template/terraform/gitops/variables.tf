variable "platform_state" {
  description = "Where ../platform keeps its state, whose outputs this root reads."
  type = object({
    storage_account_name = string
    container_name       = optional(string, "tfstate")
    key                  = string
  })
}
