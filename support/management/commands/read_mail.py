"""Takes in one e-mail from standard input: `manage.py read_mail < file`, or the pipe of a mail server.

Ends with 75 (EX_TEMPFAIL) where the mail server shall try again later.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from config.errors import DomainError, Unavailable
from support.tickets.mail.receiving import receive

AGAIN = 75  # sysexits.h


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(receive(sys.stdin.buffer.read()))
        except (Unavailable, OperationalError) as error:
            raise CommandError(str(error), returncode=AGAIN) from None
        except DomainError as error:
            raise CommandError(str(error)) from None
