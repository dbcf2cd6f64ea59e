variable "project" {
  description = "The project in Google Cloud."
  type        = string
}

variable "region" {
  description = "Where everything lies. People's faces are kept there: choose it by the law that applies to them."
  type        = string
}

variable "zones" {
  description = "Zones with the accelerator; see: gcloud compute accelerator-types list."
  type        = list(string)
}

variable "name" {
  description = "Begins the name of everything."
  type        = string
  default     = "photoflux"
}

variable "accelerator" {
  description = "The accelerator of a node for trainings and pictures."
  type        = string
  default     = "nvidia-l4"
}

variable "accelerator_machine" {
  description = "The machine that has it."
  type        = string
  default     = "g2-standard-8"
}

variable "max_accelerators" {
  description = "At most so many nodes with an accelerator; none runs while nothing waits."
  type        = number
  default     = 2
}

variable "machine" {
  description = "The machine of the other nodes."
  type        = string
  default     = "e2-standard-4"
}

variable "max_nodes" {
  description = "At most so many other nodes in each zone."
  type        = number
  default     = 3
}

variable "cloud_sql" {
  description = "Whether Cloud SQL keeps the rows; otherwise CloudNativePG in the cluster (database.mode=cnpg)."
  type        = bool
  default     = true
}

variable "database_tier" {
  description = "The machine of Cloud SQL."
  type        = string
  default     = "db-custom-2-8192"
}

variable "admin_ranges" {
  description = "Addresses that may reach the cluster's API, as CIDR blocks."
  type        = list(string)
}
