"""Since when a run waits for a service that is away. Removes remote_id: billing.RemoteRequest holds the ids."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0006_recognised")]

    operations = [
        migrations.RemoveField(model_name="job", name="remote_id"),
        migrations.AddField(
            model_name="job", name="postponed_at", field=models.DateTimeField(editable=False, null=True)
        ),
    ]
