import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0007_check_maintenance"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Enquiry",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=80)),
                ("email", models.CharField(max_length=254)),
                ("subject", models.CharField(max_length=120)),
                ("text", models.TextField(max_length=10000)),
                ("page", models.CharField(blank=True, max_length=200)),
                ("browser", models.CharField(blank=True, max_length=200)),
                ("language", models.CharField(max_length=10)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("mailed_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["email", "created_at"], name="enquiries_of_an_address")]
            },
        ),
        migrations.AddField(
            model_name="ticket",
            name="guest_email",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=254, verbose_name="e-mail"
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="guest_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=80, verbose_name="name"),
        ),
        migrations.AlterField(
            model_name="ticket",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tickets",
                to=settings.AUTH_USER_MODEL,
                verbose_name="person",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(("user", None)) ^ models.Q(("guest_email", "")),
                name="ticket_of_a_user_or_a_guest",
            ),
        ),
    ]
