"""What no password may be."""

from __future__ import annotations

import string
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator

AROUND = string.digits + string.punctuation + string.whitespace
MOST = 6  # such characters that change nothing: a year, a birthday, "123!"


class LeakedPasswordValidator(CommonPasswordValidator):
    """Not one of the 20,000 passwords that leaks show most often, and none of them with a few digits or signs
    around it, such as sunshine123: those are guessed next."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        inside = password.strip(AROUND)
        if len(password) - len(inside) <= MOST:
            super().validate(inside, user)
