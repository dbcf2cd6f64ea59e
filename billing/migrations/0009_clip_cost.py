"""Delivers what a clip at fal costs, beside its pictures and trainings."""

import datetime

from django.db import migrations

FACTS = datetime.date(2026, 11, 30)
SOURCE = "estimate from what others report of fal-ai/wan/v2.2-5b/image-to-video: $0.15 a video of any length"


def deliver(cost):
    """Not where the operator has set it already, for clips or for work of every kind."""
    if not cost.objects.filter(engine="fal", job_kind__in=("video", "")).exists():
        cost.objects.create(engine="fal", job_kind="video", since=FACTS, unit_cents=15, source=SOURCE)


def forward(apps, editor):
    deliver(apps.get_model("billing", "EngineCost"))


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_engines")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
