from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0032_locked")]

    operations = [
        migrations.AddIndex(
            model_name="albumitem", index=models.Index(fields=["album", "-added_at"], name="last_in_an_album")
        )
    ]
