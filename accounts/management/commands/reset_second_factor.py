"""Removes a second factor that its owner has lost, and ends their sessions. The audit log has the reason."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.staff import reset_factor
from config.web import text


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, help="how you know that it is the owner who asks")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=text.address(options["email"])).first()
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        reset_factor(user, options["reason"])
        self.stdout.write(f"{user.email} has no second factor any more and is logged out everywhere.")
