from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0005_retry_permission")]

    operations = [
        migrations.AddField(
            model_name="output", name="recognised", field=models.BooleanField(default=True, db_default=True)
        )
    ]
