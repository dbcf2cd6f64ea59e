"""Domains of e-mail addresses in ASCII, the form in which they are looked up since now."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from config.web import text


def normalise(apps: Any, schema_editor: Any) -> None:
    """Leaves a row alone whose normal form is taken by another: its owner is not ours to choose."""
    for model in (apps.get_model("accounts", "User"), apps.get_model("account", "EmailAddress")):
        for row in model.objects.filter(email__regex="[^ -~]"):
            email = text.address(row.email)
            if not model.objects.filter(email=email).exclude(pk=row.pk).exists():
                model.objects.filter(pk=row.pk).update(email=email)


class Migration(migrations.Migration):
    dependencies = [  # noqa: RUF012
        ("accounts", "0005_erasure"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]
    operations = [migrations.RunPython(normalise, migrations.RunPython.noop)]  # noqa: RUF012
