"""The header fields of tus: what they say, and the refusals of those that say nothing sensible."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError, Malformed

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS = ("sha1", "sha256")
OFFSET = "application/offset+octet-stream"
LONGEST = 1000  # characters of Upload-Metadata


class VersionUnknown(DomainError):
    code, status = "tus_version_unknown", 412
    message = _("This speaks version 1.0.0 of the tus protocol. Send the header Tus-Resumable: 1.0.0.")
    headers = {"Tus-Version": VERSION}


class ChecksumMismatch(DomainError):
    code, status = "checksum_mismatch", 460
    message = _("This piece arrived damaged and was not kept. Send it again.")


def require_version(headers: Any) -> None:
    """Raises VersionUnknown."""
    if headers.get("Tus-Resumable") != VERSION:
        raise VersionUnknown


def number(headers: Any, name: str) -> int:
    """Raises Malformed where the field is missing or no number."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Malformed(_("The header %(name)s is missing, or is not a number."), name=name)
    return int(text)


def metadata(headers: Any) -> str:
    """The field as it came. Raises Malformed."""
    text = headers.get("Upload-Metadata", "")
    if len(text) > LONGEST or not text.isascii() or not text.isprintable():
        raise Malformed
    parse(text)
    return str(text)


def parse(text: str) -> dict[str, str]:
    """`key base64,key2` as a dictionary. Raises Malformed, also where a key comes twice."""
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        key, _space, value = pair.partition(" ")
        if key in found:
            raise Malformed
        found[key] = _decoded(value).decode(errors="replace")
    return found


def check(data: bytes, headers: Any) -> None:
    """Compares the bytes with Upload-Checksum, where there is one. Raises Malformed, ChecksumMismatch."""
    if "Upload-Checksum" not in headers:
        return
    algorithm, _space, value = headers["Upload-Checksum"].partition(" ")
    if algorithm not in ALGORITHMS:
        raise Malformed
    if hashlib.new(algorithm, data).digest() != _decoded(value):
        raise ChecksumMismatch


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed from None
