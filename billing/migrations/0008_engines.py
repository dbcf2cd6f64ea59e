"""Engines as rows of choice: offers, dated costs, requests at other companies. Delivers the costs of hosted
engines as their companies and others state them."""

import datetime
import uuid

import django.utils.timezone
from django.db import migrations, models

FACTS = datetime.date(2026, 11, 28)
FAL = "fal.ai/models/fal-ai/flux-lora: $0.035 a megapixel"
TRAINER = "estimate from the neighbouring trainer (turbo-flux-trainer, $2.40 for 1,000 steps): 2,500 steps"
TOGETHER = (
    "estimate from what others report of FLUX.1 schnell there in May 2026: $0.0027 a picture of 4 steps"
)
COSTS = [
    ("fal", "image", "3.5", FAL),
    ("fal", "training", "600", TRAINER),
    ("together", "image", "0.27", TOGETHER),
]


def deliver(cost):
    """Not for engines whose costs the operator has set already."""
    known = set(cost.objects.values_list("engine", flat=True))
    cost.objects.bulk_create(
        cost(engine=engine, job_kind=kind, since=FACTS, unit_cents=cents, source=source)
        for engine, kind, cents, source in COSTS
        if engine not in known
    )


def forward(apps, editor):
    deliver(apps.get_model("billing", "EngineCost"))


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_forgiven")]

    operations = [
        migrations.CreateModel(
            name="EngineOffer",
            fields=[
                (
                    "profile",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="engine"),
                ),
                ("offered", models.BooleanField(default=True, verbose_name="offered")),
                (
                    "free_first",
                    models.BooleanField(
                        blank=True,
                        help_text="Whether the free training of a twin slot may be used on it. Unknown: yes on machines of our own, no at other companies.",
                        null=True,
                        verbose_name="first training free",
                    ),
                ),
            ],
            options={
                "verbose_name": "offer of an engine",
                "verbose_name_plural": "offers of engines",
                "ordering": ("profile",),
            },
        ),
        migrations.CreateModel(
            name="RemoteCopy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("service", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=200)),
                ("url", models.CharField(max_length=1000)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="RemoteRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("service", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=100)),
                ("run_kind", models.CharField(max_length=12)),
                ("run_id", models.UUIDField()),
                ("work", models.CharField(max_length=40)),
                ("key", models.CharField(blank=True, max_length=12)),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("status_url", models.CharField(blank=True, max_length=500)),
                ("response_url", models.CharField(blank=True, max_length=500)),
                ("cancel_url", models.CharField(blank=True, max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sending", "being sent"),
                            ("waiting", "waiting there"),
                            ("delivered", "delivered"),
                            ("refused", "refused there"),
                            ("failed", "failed there"),
                            ("cancelled", "cancelled"),
                            ("lost", "lost there"),
                            ("written_off", "written off"),
                        ],
                        default="sending",
                        max_length=12,
                    ),
                ),
                ("cents", models.DecimalField(decimal_places=3, max_digits=10, null=True)),
                ("webhook_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "request at a service",
                "verbose_name_plural": "requests at services",
                "ordering": ("-created_at",),
            },
        ),
        migrations.RemoveConstraint(model_name="enginecost", name="one_cost_an_engine_and_kind"),
        migrations.AddField(
            model_name="enginecost", name="since", field=models.DateField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="enginecost", name="source", field=models.CharField(blank=True, max_length=200)
        ),
        migrations.AlterField(
            model_name="price",
            name="code",
            field=models.CharField(max_length=61, primary_key=True, serialize=False),
        ),
        migrations.AddConstraint(
            model_name="enginecost",
            constraint=models.UniqueConstraint(
                fields=("engine", "job_kind", "since"), name="one_cost_a_day", nulls_distinct=False
            ),
        ),
        migrations.AddField(
            model_name="engineoffer",
            name="plans",
            field=models.ManyToManyField(
                blank=True, help_text="None chosen: every plan.", to="billing.plan", verbose_name="plans"
            ),
        ),
        migrations.AddConstraint(
            model_name="remotecopy",
            constraint=models.UniqueConstraint(fields=("service", "name"), name="one_copy_a_file"),
        ),
        migrations.AddIndex(
            model_name="remoterequest", index=models.Index(fields=["run_id"], name="requests_of_a_run")
        ),
        migrations.AddIndex(
            model_name="remoterequest", index=models.Index(fields=["ended_at"], name="requests_by_end")
        ),
        migrations.AddIndex(
            model_name="remoterequest",
            index=models.Index(
                condition=models.Q(("state__in", ["sending", "waiting"])),
                fields=["created_at"],
                name="requests_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="remoterequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["sending", "waiting"])),
                fields=("run_id", "work"),
                name="one_open_request_a_work",
            ),
        ),
        migrations.AddConstraint(
            model_name="remoterequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_id", ""), _negated=True),
                fields=("service", "request_id"),
                name="one_row_a_remote_request",
            ),
        ),
        migrations.RunPython(forward, migrations.RunPython.noop),
    ]
