from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0036_standing")]

    operations = [
        migrations.AddField(
            model_name="pushsubscription",
            name="session",
            field=models.CharField(db_default="", db_index=True, default="", editable=False, max_length=64),
        )
    ]
