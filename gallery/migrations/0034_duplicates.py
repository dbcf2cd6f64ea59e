from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0033_albums"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddIndex(
            model_name="item", index=models.Index(fields=["user", "etag"], name="items_by_bytes")
        )
    ]
