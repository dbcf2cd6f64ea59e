from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # beside the work of others
    dependencies = [("gallery", "0049_hashes_at_once")]
    operations = [
        AddIndexConcurrently(
            "item",
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="items_of_demonstration",
                condition=models.Q(demonstration=True),
            ),
        )
    ]
