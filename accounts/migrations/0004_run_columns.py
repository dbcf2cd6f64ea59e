"""Whether a run is shown, its crashes, its remote id; and new names for three fields, whose columns keep the old ones."""

from django.db import migrations, models


def renamed(model):
    """The column first, so that the new name changes nothing in the database."""
    for old, new, field in (
        (
            "progress",
            "share",
            models.FloatField(db_column="progress", default=0.0, editable=False, verbose_name="progress"),
        ),
        (
            "progress_from",
            "share_at_claim",
            models.FloatField(db_column="progress_from", default=0.0, editable=False),
        ),
        ("rung_at", "enqueued_at", models.DateTimeField(db_column="rung_at", editable=False, null=True)),
    ):
        yield migrations.AlterField(model, old, field)
        yield migrations.RenameField(model, old, new)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_progress_from")]

    operations = [
        migrations.AddField(
            model_name="export", name="shown", field=models.BooleanField(default=True, editable=False)
        ),
        migrations.AddField(
            model_name="export",
            name="crashes",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="export",
            name="remote_id",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
        ),
        *renamed("export"),
    ]
