"""Requests about privacy, runs of the rules of retention, the choice about photos; and a consent that was
given is never changed but by its withdrawal."""

import uuid

import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

import accounts.privacy.models

RULES = """
CREATE FUNCTION consent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NULL
       AND (NEW.id, NEW.user_id, NEW.kind, NEW.version, NEW.wording, NEW.language, NEW.given_at)
           IS NOT DISTINCT FROM
           (OLD.id, OLD.user_id, OLD.kind, OLD.version, OLD.wording, OLD.language, OLD.given_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a consent changes only by its withdrawal' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER consent_only_withdrawn BEFORE UPDATE ON accounts_consent
    FOR EACH ROW EXECUTE FUNCTION consent_refuse();
"""
UNDO = """
DROP TRIGGER consent_only_withdrawn ON accounts_consent;
DROP FUNCTION consent_refuse;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_api_keys")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="photos_kept",
            field=models.CharField(
                choices=[
                    ("until_deleted", "Until I delete them"),
                    ("trained", "Until 30 days after the last training with them"),
                ],
                db_default="until_deleted",
                default="until_deleted",
                max_length=15,
                verbose_name="photos of my twins",
            ),
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("rule", models.CharField(max_length=30, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("deleted", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=80)),
            ],
            options={
                "verbose_name": "retention rule",
                "verbose_name_plural": "retention",
                "ordering": ("rule",),
            },
        ),
        migrations.CreateModel(
            name="PrivacyRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "number",
                    models.CharField(
                        default=accounts.privacy.models.new_number,
                        editable=False,
                        max_length=12,
                        unique=True,
                        verbose_name="number",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access", "to know what you keep about me"),
                            ("erasure", "to erase what you keep about me"),
                            ("do_not_sell", "not to sell or share my data"),
                        ],
                        max_length=12,
                        verbose_name="request",
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                ("details", models.TextField(blank=True, verbose_name="details")),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("es", "Spanish"), ("zh-hans", "Chinese (simplified)")],
                        max_length=10,
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="asked"
                    ),
                ),
                ("mailed_at", models.DateTimeField(editable=False, null=True)),
                ("proved_at", models.DateTimeField(editable=False, null=True, verbose_name="address proved")),
                ("answered_at", models.DateTimeField(editable=False, null=True, verbose_name="answered")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("done", "done"), ("nothing", "nothing is kept"), ("refused", "refused")],
                        max_length=10,
                        verbose_name="answer",
                    ),
                ),
                (
                    "reply",
                    models.TextField(blank=True, max_length=1000, verbose_name="sentence for the person"),
                ),
            ],
            options={
                "verbose_name": "privacy request",
                "verbose_name_plural": "privacy requests",
                "ordering": ("-asked_at",),
                "indexes": [models.Index(fields=["email", "-asked_at"], name="requests_of_an_address")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(answered_at=None, outcome="")
                        | (Q(answered_at__isnull=False) & ~Q(outcome="")),
                        name="request_answered_with_outcome",
                    ),
                    models.CheckConstraint(
                        condition=Q(answered_at=None) | Q(proved_at__isnull=False),
                        name="request_proved_first",
                    ),
                ],
            },
        ),
        migrations.RunSQL(RULES, UNDO),
    ]
