"""Indexes the words of tags too."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models
from django.db.models import F, Func

# array_to_string is only stable, as the text of some types depends on settings. That of varchar does not.
FUNCTION = """
CREATE FUNCTION gallery_tags(tags varchar[]) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS
$$ BEGIN RETURN array_to_string(tags, ' '); END $$
"""
TAGS = Func(F("tags"), function="gallery_tags", output_field=models.TextField())


def signs(words):
    return Func(words, function="gallery_signs", output_field=models.TextField())


class Migration(migrations.Migration):
    dependencies = [("gallery", "0002_bigrams_and_blur")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION gallery_tags(varchar[])"),
        migrations.RemoveIndex("item", "items_by_words"),
        migrations.RemoveField("item", "search"),
        migrations.AddField(
            "item",
            "search",
            models.GeneratedField(
                db_persist=True,
                expression=django.contrib.postgres.search.SearchVector(
                    "prompt",
                    "notes",
                    TAGS,
                    signs(F("prompt")),
                    signs(F("notes")),
                    signs(TAGS),
                    config="simple",
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            "item", django.contrib.postgres.indexes.GinIndex(fields=["search"], name="items_by_words")
        ),
    ]
