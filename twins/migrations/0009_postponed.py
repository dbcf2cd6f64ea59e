"""Since when a run waits for a service that is away. Removes remote_id: billing.RemoteRequest holds the ids."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("twins", "0008_proof")]

    operations = [
        migrations.RemoveField(model_name="photo", name="remote_id"),
        migrations.RemoveField(model_name="selfie", name="remote_id"),
        migrations.RemoveField(model_name="training", name="remote_id"),
        migrations.AddField(
            model_name="training", name="postponed_at", field=models.DateTimeField(editable=False, null=True)
        ),
    ]
