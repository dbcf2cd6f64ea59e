from __future__ import annotations

from typing import Any

from allauth.socialaccount.forms import SignupForm as Base

from config.web.text import FormName


class SignupForm(Base):  # type: ignore[misc]
    """Agrees to the terms. The address is the one that the provider has confirmed, and no other."""

    username = FormName(required=False)  # allauth takes the field out, as users have no such name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["email"]
