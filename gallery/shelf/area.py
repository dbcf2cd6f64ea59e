"""The locked area: pictures that nobody sees who merely finds the browser open.

Item.objects.owned_by() leaves locked items out, so no list, search, file, archive or work on pictures finds
them. They are seen only here, for OPEN after their owner sent the password again or used a passkey, in that
session alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.confirm import require_proof
from config.errors import DomainError
from config.web.authentication import session_behind
from gallery.faces import indexing
from gallery.models import Item
from gallery.sharing.models import Publication
from gallery.shelf import stacks

OPEN = timedelta(minutes=10)
KEY = "locked_area_until"  # in the session: seconds since the epoch


class AreaLocked(DomainError):
    code, status = "area_locked", 403
    message = _("These pictures are locked. Send your password, or use a passkey, to see them.")


def open_area(request: Any, **proof: Any) -> Any:
    """Returns until when the area is open. Raises ReauthenticationRequired, Invalid, RateLimited."""
    require_proof(request, **proof)
    until = timezone.now() + OPEN
    session = session_behind(request)
    if session is None:  # credentials without a session cannot keep it open
        raise AreaLocked
    session[KEY] = until.timestamp()
    session.save()
    return until


def close_area(request: Any) -> None:
    session = session_behind(request)
    if session is not None and session.pop(KEY, None):
        session.save()


def seconds_open(request: Any) -> int:
    """0 while the area is locked."""
    session = session_behind(request)
    until = session.get(KEY, 0) if session is not None else 0
    return max(0, int(until - timezone.now().timestamp()))


def items(request: Any) -> Any:
    """The locked items of the request's user. Raises AreaLocked."""
    if not seconds_open(request):
        raise AreaLocked
    return _locked(request.user)


def item(request: Any, ident: Any) -> Item:
    """Raises NotFound, also for a stranger while the area is locked, and AreaLocked."""
    found: Item = _locked(request.user).get_or_404(ident)
    if not seconds_open(request):
        raise AreaLocked
    return found


def _locked(user: Any) -> Any:
    return Item.objects.filter(user=user, locked=True, hidden=False)


@transaction.atomic
def lock(user: Any, idents: Iterable[Any]) -> int:
    """Puts the user's items among these into the area, out of their stacks and out of the public gallery.
    Returns how many."""
    rows = Item.objects.owned_by(user).filter(id__in=list(idents))
    found = list(rows.select_for_update(of=("self",)).order_by("id"))
    for item in found:
        stacks.take_out(item)
    Item.objects.filter(id__in=[each.id for each in found]).update(locked=True, updated_at=timezone.now())
    indexing.leave_out(found)
    Publication.objects.filter(item__in=found).delete()
    return len(found)


@transaction.atomic
def release(locked: Any, idents: Iterable[Any]) -> int:
    """Takes these of the `locked` items back into the gallery. Returns how many."""
    found = list(locked.filter(id__in=list(idents)).select_for_update(of=("self",)).order_by("id"))
    for item in found:  # one by one, as whatever reads new pictures is told by save()
        item.locked = False
        item.save(update_fields=["locked", "updated_at"])
    return len(found)
