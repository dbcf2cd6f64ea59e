# Sealed files and public copies. Old versions are kept for 30 days, as long as the database's backups.
resource "google_storage_bucket" "files" {
  name                        = "${var.project}-${var.name}-files"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }
}

# The product asks the bucket through its S3 interface, which takes an HMAC key. Make it by hand, so that its secret is in no
# state file: gcloud storage hmac create EMAIL
resource "google_service_account" "files" {
  account_id   = "${var.name}-files"
  display_name = "Files of ${var.name}"
}

resource "google_storage_bucket_iam_member" "files" {
  bucket = google_storage_bucket.files.name
  role   = "roles/storage.objectUser"
  member = "serviceAccount:${google_service_account.files.email}"
}

resource "google_sql_database_instance" "main" {
  count               = var.cloud_sql ? 1 : 0
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = true
  depends_on          = [google_service_networking_connection.services]

  settings {
    tier              = var.database_tier
    availability_type = "REGIONAL"
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 30
      }
    }

    database_flags {
      name  = "max_connections"
      value = "300"
    }
  }
}

resource "google_sql_database" "main" {
  count    = var.cloud_sql ? 1 : 0
  name     = "photoflux"
  instance = google_sql_database_instance.main[0].name
}
