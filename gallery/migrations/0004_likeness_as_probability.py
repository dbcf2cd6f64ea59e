"""As in twins.0006: the cosine c becomes the probability that belongs to the distance sqrt(2 - 2c)."""

from django.db import migrations

PROBABILITY = "1 / (1 + exp((sqrt(greatest(0, 2 - 2 * likeness)) - 0.82) / 0.08))"


class Migration(migrations.Migration):
    dependencies = [("gallery", "0003_search_tags")]

    operations = [
        migrations.RunSQL(
            f"UPDATE gallery_item SET likeness = {PROBABILITY} WHERE likeness IS NOT NULL",
            migrations.RunSQL.noop,
        )
    ]
