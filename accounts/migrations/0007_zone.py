from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_address_form")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="zone",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        )
    ]
