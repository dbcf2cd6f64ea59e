import django.db.models.lookups
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0006_tickets")]

    operations = [
        migrations.CreateModel(
            name="Check",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("problems", models.PositiveIntegerField()),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="Maintenance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="begins")),
                ("ends_at", models.DateTimeField(verbose_name="ends, as announced")),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "maintenance",
                "verbose_name_plural": "maintenance",
                "ordering": ("-starts_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="maintenance_takes_time",
                    ),
                    models.UniqueConstraint(
                        django.db.models.lookups.IsNull(models.F("ended_at"), True),
                        condition=models.Q(("ended_at", None)),
                        name="one_open_maintenance",
                    ),
                ],
            },
        ),
    ]
