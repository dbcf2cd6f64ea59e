"""How wide the faces in a picture are. Items that have hashes of theirs already are looked at once more.

The index of those that wait is made anew while the site runs, so this is no transaction."""

import django.contrib.postgres.fields
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

NAME = "items_without_faces"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("gallery", "0051_demonstration_index")]

    operations = [
        migrations.AddField(
            "item",
            "face_widths",
            django.contrib.postgres.fields.ArrayField(models.FloatField(), editable=False, null=True),
        ),
        RemoveIndexConcurrently("item", NAME),
        AddIndexConcurrently(
            "item", models.Index(condition=models.Q(("face_widths", None)), fields=["created_at"], name=NAME)
        ),
    ]
