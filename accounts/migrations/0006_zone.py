from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_erasure")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="zone",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        )
    ]
