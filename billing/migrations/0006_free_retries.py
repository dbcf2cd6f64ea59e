from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_staff_permissions")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="free_retries",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        )
    ]
