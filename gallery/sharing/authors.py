"""The names under which people appear in the public gallery."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.errors import Invalid
from gallery.sharing.models import Author
from moderation.policy import check_words

ASK = _("Choose the name under which others see you here.")
TAKEN = _("Somebody has this name. Choose another one.")
NO_ADDRESS = _("A name is public: leave out the @.")
OURS = _("This name would look like ours. Choose another one.")


def author_of(user: Any, name: str = "") -> Author:
    """The user's public name, which is `name` from now on if that is given.

    Raises Invalid where there is none yet, and for a name that cannot be had; WordsRefused.
    """
    author = Author.objects.owned_by(user).first() or Author(user=user)
    name = " ".join(name.split())
    if name and name != author.name:
        _check(user, name)
        author.name = name
        try:
            with transaction.atomic():
                author.save()
        except IntegrityError:
            raise _refused(TAKEN) from None
    if not author.name:
        raise _refused(ASK)
    return author


def _check(user: Any, name: str) -> None:
    if "@" in name:
        raise _refused(NO_ADDRESS)
    if "photoflux" in name.casefold():
        raise _refused(OURS)
    check_words(user, name)


def _refused(sentence: Any) -> Invalid:
    return Invalid(errors={"author": [str(sentence)]})
