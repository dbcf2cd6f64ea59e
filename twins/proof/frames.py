"""The frames of a selfie: checked at the edge, and kept as one encrypted file for at most a day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.vault.vault import store
from config.errors import Invalid
from ml.types import Movement
from twins.proof.models import Selfie

FEWEST, MOST = 3, 12  # frames of one movement
LARGEST = 512 * 1024  # bytes of a frame: one of 640 px has about 60 KB
MOVEMENTS = 4

Movements = Sequence[Sequence[bytes]]  # of each movement, its frames in order of time


def field(number: int) -> str:
    """The name of the form's field of movement `number`, from 0."""
    return f"movement_{number + 1}"


def read_form(files: Any) -> list[list[bytes]]:
    """The frames in a request's files. Raises Invalid."""
    found, errors = [], {}
    for number in range(MOVEMENTS):
        sent = files.getlist(field(number))
        if wrong := _wrong_with(sent):
            errors[field(number)] = [wrong]
        else:
            found.append([file.read() for file in sent])
            if not all(map(_is_picture, found[-1])):
                errors[field(number)] = [_("Each frame is a JPEG or WebP picture.")]
    if errors:
        raise Invalid(errors=errors)
    return found


def _wrong_with(sent: Sequence[Any]) -> str:
    if not FEWEST <= len(sent) <= MOST:
        return _("Send %(fewest)s to %(most)s frames of this movement.") % {"fewest": FEWEST, "most": MOST}
    if any(file.size > LARGEST for file in sent):
        return _("A frame has at most %(kilobytes)s KB.") % {"kilobytes": LARGEST // 1024}
    return ""


def _is_picture(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff") or (data[:4], data[8:12]) == (b"RIFF", b"WEBP")


def hashes(movements: Movements) -> list[str]:
    return [hashlib.sha256(frame).hexdigest() for frames in movements for frame in frames]


def hash_of(movements: Movements) -> str:
    return hashlib.sha256("".join(hashes(movements)).encode()).hexdigest()


def write(selfie: Selfie, movements: Movements) -> None:
    data = b"".join(frame for frames in movements for frame in frames)
    store(selfie.user_id).write(selfie.frames_file, data)


def read(selfie: Selfie) -> list[Movement]:
    """Raises FileNotFoundError once they are deleted."""
    data, at = store(selfie.user_id).read(selfie.frames_file), 0
    found = []
    for step, sizes in zip(selfie.challenge.steps, selfie.sizes, strict=True):
        found.append(Movement(step, tuple(_cut(data, at, sizes))))
        at += sum(sizes)
    return found


def _cut(data: bytes, at: int, sizes: Sequence[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[at : at + size]
        at += size
