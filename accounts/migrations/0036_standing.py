"""Suspensions of accounts."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0032_phone_codes")]

    operations = [
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("strikes", "Too many strikes."),
                            ("minor", "Something here put a child into something sexual."),
                            ("other_people", "Pictures of other people without their consent."),
                            ("fraud", "Payments or accounts were misused."),
                            ("abuse", "The service or the people here were abused."),
                            ("other", "Another reason, told below."),
                        ],
                        max_length=20,
                    ),
                ),
                ("text", models.TextField(blank=True, max_length=1000)),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("until", models.DateTimeField(null=True)),
                ("lifted_at", models.DateTimeField(editable=False, null=True)),
                ("appeal", models.TextField(blank=True, max_length=2000)),
                ("appealed_at", models.DateTimeField(editable=False, null=True)),
                ("answer", models.TextField(blank=True, max_length=1000)),
                ("answered_at", models.DateTimeField(editable=False, null=True)),
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
                        related_name="suspensions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-id"),
                "permissions": (
                    ("change_standing", "Can give strikes, suspend accounts and lift suspensions"),
                ),
                "indexes": [
                    models.Index(
                        condition=models.Q(("lifted_at", None)), fields=["user"], name="suspensions_standing"
                    ),
                    models.Index(
                        condition=models.Q(("answered_at", None), ("appealed_at__isnull", False)),
                        fields=["appealed_at"],
                        name="suspensions_appealed",
                    ),
                ],
            },
        )
    ]
