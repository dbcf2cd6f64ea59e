output "bucket" {
  description = "settings.S3_BUCKET of the chart."
  value       = google_storage_bucket.files.name
}

output "files_account" {
  description = "The account whose HMAC key the product uses."
  value       = google_service_account.files.email
}

output "database_address" {
  description = "The host of DATABASE_URL, and database.address of the chart; empty without Cloud SQL."
  value       = var.cloud_sql ? google_sql_database_instance.main[0].private_ip_address : ""
}
