from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0031_restored"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField(model_name="item", name="locked", field=models.BooleanField(default=False)),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                condition=models.Q(("locked", True)),
                fields=["user", "-created_at", "-id"],
                name="items_locked",
            ),
        ),
    ]
