"""Removes remote_id from runs: billing.RemoteRequest holds the ids of requests at services."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_engine_consents")]

    operations = [migrations.RemoveField(model_name="export", name="remote_id")]
