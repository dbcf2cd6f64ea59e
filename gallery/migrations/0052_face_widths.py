"""How wide the faces in a picture are. Items that have hashes of theirs already are looked at once more; 0053
makes the index of those that wait."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0051_demonstration_index")]

    operations = [
        migrations.AddField(
            "item",
            "face_widths",
            django.contrib.postgres.fields.ArrayField(models.FloatField(), editable=False, null=True),
        ),
        migrations.RemoveIndex("item", "items_without_faces"),
    ]
