from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_free_retries")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="forgiven",
            field=models.PositiveIntegerField(default=0, db_default=0, editable=False),
        ),
        migrations.AddField(
            model_name="wallet", name="forgiven_since", field=models.DateTimeField(null=True, editable=False)
        ),
    ]
