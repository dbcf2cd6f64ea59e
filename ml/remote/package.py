"""The photos as they go to a trainer: one ZIP of clean copies under random names, nothing else in it."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Iterable

from ml.decoding.jpeg import is_needed, segments

CAPTION = "a photo of [trigger] {subject}"  # the same for every photo; the trainer puts its trigger word in


def package(photos: Iterable[bytes], subject: str) -> bytes:
    """Stored without compression and without times. `photos`: our own clean JPEGs, read one at a time;
    `subject`: "woman", "man" or "person"."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for photo in photos:
            name = secrets.token_hex(8)
            file.writestr(zipfile.ZipInfo(f"{name}.jpg"), bare(photo))
            file.writestr(zipfile.ZipInfo(f"{name}.txt"), CAPTION.format(subject=subject))
    return out.getvalue()


def bare(jpeg: bytes) -> bytes:
    """The JPEG without EXIF, XMP, profiles and comments. Clean copies have none; here it is made sure of."""
    kept = [whole for marker, body, whole in segments(jpeg) if is_needed(marker, body)]
    return jpeg[:2] + b"".join(kept)
