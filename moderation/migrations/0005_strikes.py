"""Strikes."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0004_cases"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Strike",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("minor", "Words that put a child into something sexual"),
                            ("listed_picture", "Uploads of pictures that may not be here"),
                            ("undress", "Words that undress somebody"),
                            ("known_person", "Words that name well-known people"),
                            ("sexual", "Words for sexual content"),
                            ("violence", "Words for violence against people"),
                            ("hate", "Hateful words"),
                            ("blocked", "Words that are not allowed here"),
                            ("removed", "Something of yours that was taken down"),
                            ("conduct", "What you did to others or to the service"),
                        ],
                        max_length=20,
                    ),
                ),
                ("cause", models.CharField(blank=True, max_length=40)),
                ("text", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(editable=False, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="strikes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cause", ""), _negated=True),
                        fields=("user", "cause"),
                        name="one_strike_a_cause",
                    )
                ],
            },
        )
    ]
