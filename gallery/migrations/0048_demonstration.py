from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0047_clips")]
    operations = [
        migrations.AddField("item", "demonstration", models.BooleanField(default=False, db_default=False))
    ]
