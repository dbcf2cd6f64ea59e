"""The owner's selfie on a phone: a short-lived link, which belongs to the browser that begins there first."""

from __future__ import annotations

from twins.models import Twin
from twins.proof import links
from twins.proof.models import PHONE, PhoneLink


def make_link(twin: Twin) -> str:
    """The token of a new link. Earlier ones of this twin end."""
    PhoneLink.objects.filter(twin=twin, revoked_at=None).delete()
    _link, token = links.make(PhoneLink, valid=PHONE, user=twin.user, twin=twin)
    return token


def opened(token: str) -> PhoneLink:
    """Raises NotFound, LinkOver."""
    found: PhoneLink = links.find(PhoneLink, token)
    links.require_open(found)
    return found


def take(link: PhoneLink, session: str) -> None:
    """Gives the link to this browser. Raises LinkUsed when another one has it."""
    free = PhoneLink.objects.filter(id=link.id, session="")
    if not free.update(session=session) and link.session != session:
        link.refresh_from_db()
        if link.session != session:
            raise links.LinkUsed
