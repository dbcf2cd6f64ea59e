import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0031_restored"),
        ("generation", "0009_deliver_packs"),
        ("twins", "0009_postponed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Restoration",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("fidelity", models.FloatField(null=True)),
                ("scale", models.PositiveSmallIntegerField(default=1)),
                ("background", models.BooleanField(default=False)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("engine", models.CharField(blank=True, max_length=40)),
                ("made_scale", models.PositiveSmallIntegerField(null=True)),
                ("made_fidelity", models.FloatField(null=True)),
                ("before", models.FloatField(null=True)),
                ("after", models.FloatField(null=True)),
                ("identity", models.FloatField(null=True)),
                ("flagged", models.BooleanField(default=False)),
                ("faces", models.JSONField(default=list)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                ("notes", models.TextField(blank=True, max_length=2000)),
                (
                    "rating",
                    models.PositiveSmallIntegerField(
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "item",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="restoration",
                        to="gallery.item",
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="restoration",
                        to="generation.job",
                    ),
                ),
                (
                    "milder_of",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="milder_ones",
                        to="generation.restoration",
                    ),
                ),
                (
                    "twin",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="twins.twin",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="restorations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "indexes": [
                    models.Index(fields=["user", "-created_at", "-id"], name="restorations_of_a_user")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("milder_of__isnull", False)),
                        fields=("milder_of",),
                        name="one_milder_one",
                    )
                ],
            },
        )
    ]
