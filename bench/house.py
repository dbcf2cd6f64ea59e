"""A temporary installation for benches: embedded services, tables and users in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.start import checkout, processes

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def house() -> Iterator[Path]:
    """Sets up and migrates Django in a temporary folder, which is VAR."""
    folder = Path(tempfile.mkdtemp(prefix="photoflux-bench-"))
    services = checkout.prepare_anew(folder)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR", "DATABASE_POOL": "16"}
    os.environ["STUDIO_PROFILES"] = "nano,flux-schnell"  # also a base that asks for a live selfie
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield folder
    finally:
        for service in services:
            service.discard()
        shutil.rmtree(folder, ignore_errors=True)


def person(name: str, agreed: tuple[str, ...] = ("terms", "biometric_twin")) -> Any:
    """A user with a confirmed address, these consents and a thousand credits."""
    from allauth.account.models import EmailAddress

    from accounts import consents
    from accounts.models import User
    from billing import ledger

    user = User.objects.create_user(email=f"{name}@example.com", password="a long password")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    for kind in agreed:
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])
    ledger.grant(ledger.wallet_of(user), 1000, cause=f"bench:{name}")
    return user


def client_of(user: Any) -> Any:
    """A client that calls the API's code in this process."""
    from rest_framework.test import APIClient

    client = APIClient(SERVER_NAME="127.0.0.1")
    client.force_authenticate(user)
    return client


@contextlib.contextmanager
def worker(queues: str, count: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker of this installation, started as by `make run`."""
    row = processes.worker(queues, concurrency=count)
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(row.argv, cwd=ROOT, env=row.env(), stdout=quiet, stderr=quiet)
    try:
        yield started
    finally:
        started.terminate()
        started.wait()
