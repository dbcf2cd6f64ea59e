from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0043_ratings"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField("item", "apart", models.BooleanField(db_default=False, default=False)),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                fields=["user", "hash"],
                condition=models.Q(archived=False, locked=False, keeper=None, hash__isnull=False),
                name="items_by_look",
            ),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(
                fields=["id"],
                condition=models.Q(("hash", None), models.Q(("kind", "video"), _negated=True)),
                name="items_without_look",
            ),
        ),
    ]
