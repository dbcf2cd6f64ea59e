"""Reads an e-mail: who sent it, what it answers, its words and pictures, and whether a program wrote it.

What comes in is hostile. The older parser of `email` (compat32) reads any header without an error, where the
newer one raises on some.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr
from typing import Any

from config.web.text import address, nfc
from support.tickets.mail.html import words_of
from support.tickets.mail.quoting import own_words

PARTS = 200  # of an e-mail that are looked at
LOGO = 10 * 1024  # bytes: a smaller picture inside the text belongs to a signature
LONGEST = 1_000_000  # signs of a text that are looked at
PICTURES = 30
TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Forwarded-To")
AUTOMATIC = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-Auto-Response-Suppress", "List-Id")
PRECEDENCE = ("bulk", "junk", "list", "auto_reply", "auto-reply")
ROBOTS = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+-].*)?@", re.IGNORECASE)
AWAY = re.compile(
    r"(auto(matic|matische|mática)?[ -]?(reply|response|antwort)|out of (the )?office"
    r"|abwesen|respuesta automática|fuera de la oficina|自动回复|自動回覆|undelivered|delivery status"
    r"|undeliverable|mail delivery|unzustellbar|no se puede entregar|退信)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Incoming:
    """`sender` is "" where there is none, or several. `ids`: the Message-IDs that it answers."""

    mail_id: str
    sender: str
    recipients: tuple[str, ...]
    ids: tuple[str, ...]
    subject: str
    text: str
    pictures: tuple[bytes, ...]
    automatic: bool


def read(raw: bytes) -> Incoming:
    """Raises RecursionError for parts within parts without end."""
    mail = message_from_bytes(raw)
    parts = list(_parts(mail))[:PARTS]
    sent_by = [address(found) for _name, found in getaddresses([_header(mail, "From")]) if "@" in found]
    subject = _clean(" ".join(_header(mail, "Subject").split()))
    return Incoming(
        mail_id=_id(mail, raw),
        sender=sent_by[0] if len(sent_by) == 1 else "",
        recipients=tuple(text for name in TO for text in mail_headers(mail, name)),
        ids=(_header(mail, "In-Reply-To"), *reversed(_header(mail, "References").split())),
        subject=subject,
        text=_clean(own_words(_text(mail)[:LONGEST])),
        pictures=tuple(data for part in parts if (data := _picture(part)))[:PICTURES],
        automatic=is_automatic(mail, subject),
    )


def is_automatic(mail: Any, subject: str) -> bool:
    """Whether a program wrote it: answers of somebody who is away, lists, reports of delivery."""
    said = _header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        said not in ("", "no")
        or _header(mail, "Precedence").strip().lower() in PRECEDENCE
        or any(name in mail for name in AUTOMATIC)
        or mail.get_content_type() == "multipart/report"
        or _header(mail, "Return-Path").strip() == "<>"
        or bool(ROBOTS.match(parseaddr(_header(mail, "From"))[1]))
        or bool(AWAY.match(subject))
    )


def _header(mail: Any, name: str) -> str:
    return next(iter(mail_headers(mail, name)), "")


def mail_headers(mail: Any, name: str) -> list[str]:
    """All headers of this name, decoded. Bytes that are no ASCII are read as UTF-8."""
    found = (value for key, value in mail.raw_items() if key.lower() == name.lower())
    return [
        _decoded(str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace")) for value in found
    ]


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):  # an unknown or a wrong encoding
        return value


def _id(mail: Any, raw: bytes) -> str:
    """The Message-ID; one made of the content where there is none, or one too long for a column."""
    found = _clean(_header(mail, "Message-ID")).strip()
    return found if 0 < len(found) <= 255 else f"<{hashlib.sha256(raw).hexdigest()}@unnamed>"


def _parts(part: Any) -> Iterator[Any]:
    """All parts, but not those of an e-mail that is attached."""
    yield part
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for each in part.get_payload():
            yield from _parts(each)


def _text(part: Any) -> str:
    """The plain text; of a part with alternatives the plain one, unless that is empty."""
    if part.get_content_disposition() == "attachment":
        return ""
    kind = part.get_content_type()
    if kind == "text/plain":
        return _unfolded(part, _payload(part))
    if kind == "text/html":
        return words_of(_payload(part))
    if not part.is_multipart() or part.get_content_maintype() != "multipart":
        return ""
    texts = [(each.get_content_type(), _text(each)) for each in part.get_payload()]
    if kind == "multipart/alternative":
        return next((text for _kind, text in sorted(texts, key=_last_html) if text.strip()), "")
    return "\n".join(text for _kind, text in texts if text.strip())


def _last_html(found: tuple[str, str]) -> bool:
    return found[0] != "text/plain"


def _payload(part: Any) -> str:
    data = part.get_payload(decode=True) or b""
    charset = str(part.get_content_charset() or "utf-8").lower()
    charset = "gb18030" if charset in ("gb2312", "gbk") else charset  # it holds both
    try:
        return str(data.decode(charset))
    except (LookupError, ValueError):
        return str(data.decode("utf-8", "replace"))


def _unfolded(part: Message, text: str) -> str:
    """Joins the lines of format=flowed (RFC 3676): one that ends with a space goes on in the next."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    lines: list[str] = []
    going_on = False
    for line in text.splitlines():
        if going_on and not line.startswith(">"):
            lines[-1] += line
        else:
            lines.append(line)
        going_on = line.endswith(" ") and line != "-- " and not line.startswith(">")
    return "\n".join(lines)


def _picture(part: Any) -> bytes:
    """A picture that is attached, as it came. Whether it is one is seen when it is decoded."""
    name = str(part.get_filename() or "").lower()
    named = name.endswith((".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".tif", ".tiff"))
    attached = part.get_content_disposition() == "attachment"
    if part.is_multipart() or not (part.get_content_maintype() == "image" or (named and attached)):
        return b""
    data = part.get_payload(decode=True) or b""
    return b"" if not attached and len(data) < LOGO else bytes(data)


def _clean(text: str) -> str:
    """In normal form, without control characters and halves of signs."""
    seen = (c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return nfc("".join(seen))
