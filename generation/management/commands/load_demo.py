import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import consents
from accounts.models import Kind
from billing import ledger
from twins import services

EMAIL = "demo@photoflux.example"
CREDITS = 100


class Command(BaseCommand):
    help = (
        "Creates the demonstration, once: a user with 100 credits and photos of a drawn person. "
        "The password is in var/demo.txt."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--photos", type=Path, help="a folder of photos; without it, photos are drawn into var/demo/"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        if users.filter(email=EMAIL).exists():
            self.stdout.write("The demonstration exists already.")
            return
        photos = sorted((options["photos"] or self._drawn()).glob("*.jpg"))
        password = secrets.token_urlsafe(12)
        with transaction.atomic():  # after a kill, the next start begins anew
            user = users.create_user(email=EMAIL, password=password, display_name="Demo", language="")
            EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
            for kind in (Kind.TERMS, Kind.BIOMETRIC_TWIN):
                consents.give(user, kind=kind, version=consents.WORDING[kind][0])
            ledger.grant(ledger.wallet_of(user), CREDITS, cause=f"demo:{user.id}")
            twin = services.create_twin(user, name="Demo", subject_class="woman")
            for path in photos:
                services.add_photo(twin, data=path.read_bytes(), file_name=path.name)
            self._tell(password)
        self.stdout.write(
            f"{user.email} with {CREDITS} credits and a twin to train;"
            f" the password is in {settings.VAR / 'demo.txt'}"
        )

    def _tell(self, password: str) -> None:
        file = settings.VAR / "demo.txt"
        file.touch(mode=0o600)
        file.write_text(f"e-mail: {EMAIL}\npassword: {password}\n")

    def _drawn(self) -> Path:
        """Draws twelve photos of a person who does not exist, in a process of its own."""
        folder = Path(settings.VAR) / "demo"
        command = [
            sys.executable,
            "-m",
            "ml",
            "people",
            "--count",
            "1",
            "--photos",
            "12",
            "--seed",
            "6",
            "--out",
            str(folder),
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=settings.BASE_DIR)
        return folder / "person-000"
