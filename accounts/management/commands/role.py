"""Gives somebody a role of staff: support, moderator, operator or administrator; none takes it away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import roles
from accounts.models import User
from config.errors import DomainError
from config.web import text

NONE = "none"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email")
        parser.add_argument("role", choices=[*roles.Role.values, NONE])

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=text.address(options["email"])).first()
        if user is None:
            raise CommandError(f"There is no account with the address {options['email']}.")
        role = "" if options["role"] == NONE else options["role"]
        try:
            roles.give(user, role)
        except DomainError as error:
            raise CommandError(str(error.detail)) from None
        self.stdout.write(f"{user.email} is {role}." if role else f"{user.email} has no role any more.")
