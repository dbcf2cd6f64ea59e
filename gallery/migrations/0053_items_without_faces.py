from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # beside the work of others
    dependencies = [("gallery", "0052_face_widths")]
    operations = [
        AddIndexConcurrently(
            "item",
            models.Index(
                fields=["created_at"], name="items_without_faces", condition=models.Q(face_widths=None)
            ),
        )
    ]
