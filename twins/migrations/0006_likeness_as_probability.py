"""Likeness becomes a probability. Until now it was a cosine c of vectors of length 1, by the drawn embedder; the
probability is that of their distance, sqrt(2 - 2c), by ml/nets/scales.py."""

import django.contrib.postgres.fields
from django.db import migrations, models

COLUMNS = ("likeness", "likeness_base", "likeness_real")
PROBABILITY = "1 / (1 + exp((sqrt(greatest(0, 2 - 2 * {0})) - 0.82) / 0.08))"
UPDATE = ", ".join(f"{name} = {PROBABILITY.format(name)}" for name in COLUMNS)


class Migration(migrations.Migration):
    dependencies = [("twins", "0005_retry_permission")]

    operations = [
        migrations.AddField(
            "photo",
            "points",
            django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), null=True, size=10),
        ),
        migrations.RunSQL(f"UPDATE twins_training SET {UPDATE}", migrations.RunSQL.noop),
    ]
