"""Indexes Chinese text, which has no spaces, by single characters and by pairs. Adds `blur`, a tiny preview."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models
from django.db.models import F, Func

# Characters: Han (extension A and the common block) and Japanese kana.
FUNCTION = """
CREATE FUNCTION gallery_signs(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT RETURN (
    SELECT coalesce(string_agg(substr(words, i, 1) || ' ' || coalesce(substring(substr(words, i, 2) FROM '^[㐀-鿿぀-ヿ]{2}$'), ''), ' '), '')
    FROM generate_series(1, length(words)) AS i WHERE substr(words, i, 1) ~ '[㐀-鿿぀-ヿ]'
)
"""


class Migration(migrations.Migration):
    dependencies = [("gallery", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION gallery_signs(text)"),
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
                    Func(F("prompt"), function="gallery_signs", output_field=models.TextField()),
                    Func(F("notes"), function="gallery_signs", output_field=models.TextField()),
                    config="simple",
                ),
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            "item", django.contrib.postgres.indexes.GinIndex(fields=["search"], name="items_by_words")
        ),
        migrations.AddField("item", "blur", models.CharField(blank=True, max_length=600)),
    ]
