"""The e-mail of a digest, in HTML and in text, with a link that ends such e-mails by one click (RFC 8058)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language, ngettext, override

from accounts.emails import send_quietly
from accounts.notices.kinds import Line, kinds, labels_of, lines_of
from accounts.notices.models import Notice
from accounts.zones import seen_from
from config.errors import NotFound

SALT = "notices.unsubscribe"


def send(user: Any, notices: list[Notice]) -> bool | None:
    """Whether it was sent; None when the user gets no e-mails: without a proven address, or with a closed
    account."""
    address = user.proven_address if user.is_active else None
    if not address:
        return None
    with override(user.language or settings.LANGUAGE_CODE), seen_from(user.zone):
        message = composed(user, address, notices)
    return send_quietly(message)


def composed(user: Any, address: str, notices: list[Notice]) -> EmailMultiAlternatives:
    """In the active language. All links come from ORIGIN."""
    lines, topics = lines_of(notices), {kinds[notice.kind].topic for notice in notices}
    unsubscribe = f"{settings.ORIGIN}{reverse('unsubscribe', args=[token_of(user, topics)])}"
    facts = {
        "lines": [{"words": line.words, "url": url_of(line.notice)} for line in lines],
        "topics": labels_of(topics),
        "unsubscribe": unsubscribe,
        "preferences": f"{settings.ORIGIN}{reverse('notice_preferences')}",
        "origin": settings.ORIGIN,
        "language": get_language(),
        "subject": (subject := _subject(lines)),
    }
    headers = {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    text = render_to_string("accounts/notices/mail.txt", facts)
    message = EmailMultiAlternatives(subject, text, None, [address], headers=headers)
    message.attach_alternative(render_to_string("accounts/notices/mail.html", facts), "text/html")
    return message


def _subject(lines: list[Line]) -> str:
    title, more = lines[0].words.title, len(lines) - 1
    if not more:
        return title
    return ngettext("%(title)s And %(n)s more notice", "%(title)s And %(n)s more notices", more) % {
        "title": title,
        "n": more,
    }


def url_of(notice: Notice) -> str:
    return f"{settings.ORIGIN}{reverse('notice', args=[notice.id])}"


# ---------------------------------------------------------------- unsubscribing


def token_of(user: Any, topics: Iterable[str]) -> str:
    """The token of the link that ends the user's e-mails about these topics. It works for ever."""
    return signing.dumps([str(user.pk), sorted(map(str, topics))], salt=SALT)


def read_token(token: str) -> tuple[str, list[str]]:
    """(user id, topics). Raises NotFound for a token that is none of ours."""
    try:
        user_id, topics = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        raise NotFound from None
    return user_id, topics
