"""How wide the faces in a picture are. Items that have hashes of theirs already are looked at once more."""

import django.contrib.postgres.fields
from django.db import migrations, models

NAME = "items_without_faces"


class Migration(migrations.Migration):
    dependencies = [("gallery", "0049_hashes_at_once")]

    operations = [
        migrations.AddField(
            "item",
            "face_widths",
            django.contrib.postgres.fields.ArrayField(models.FloatField(), editable=False, null=True),
        ),
        migrations.RemoveIndex("item", NAME),
        migrations.AddIndex(
            "item", models.Index(condition=models.Q(("face_widths", None)), fields=["created_at"], name=NAME)
        ),
    ]
