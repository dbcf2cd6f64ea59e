"""Adds shown, crashes and remote_id to runs, and renames three fields. Their columns keep the old names."""

from django.db import migrations, models


def renamed(model):
    """Sets db_column before the rename, so that the rename changes nothing in the database."""
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
    dependencies = [("twins", "0003_costs")]

    operations = [
        migrations.AddField(
            model_name="photo", name="shown", field=models.BooleanField(default=True, editable=False)
        ),
        migrations.AddField(
            model_name="photo",
            name="crashes",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="photo",
            name="remote_id",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
        ),
        *renamed("photo"),
        migrations.AddField(
            model_name="training", name="shown", field=models.BooleanField(default=True, editable=False)
        ),
        migrations.AddField(
            model_name="training",
            name="crashes",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="training",
            name="remote_id",
            field=models.CharField(blank=True, default="", editable=False, max_length=200),
        ),
        *renamed("training"),
    ]
