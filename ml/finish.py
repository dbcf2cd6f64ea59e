"""The last steps for every result of every engine: screen, likeness, watermark, signature."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ml import media, safety, watermark
from ml.errors import MLError
from ml.likeness import likeness_and_sharpness
from ml.provenance import Signer
from ml.types import Picture

if TYPE_CHECKING:  # it loads torch
    from ml.faces import Faces


def finish(
    picture: np.ndarray,
    *,
    prompt: str,
    seed: int,
    twin: Mapping[str, Any],
    start: float,
    engine: str,
    faces: Faces,
    signer: Signer,
    parent: bytes | None = None,
    allow_nudity: bool = False,
) -> Picture | None:
    """Turns (H, W, 3) uint8 into a picture to deliver; None when it may not be shown.

    `twin`: the facts of its file, {} without a twin. `start`: `time.monotonic()` when work on it began.
    With a `parent`, the file that it was edited from, it is signed as edited. MLError
    `screening_unavailable` when it cannot be screened: unscreened pictures are never delivered."""
    verdict = safety.screen_picture(picture, allow_nudity=allow_nudity)
    if verdict.label == "unavailable":
        raise MLError("screening_unavailable", "Pictures cannot be checked now. Try again in some minutes.")
    if not verdict.safe:
        return None
    ident = secrets.randbits(32)
    alike, sharp = likeness_and_sharpness(picture, twin, faces)
    is_avatar = "avatar" in twin
    return Picture(
        png=_marked(picture, ident, engine=engine, signer=signer, parent=parent),
        prompt=prompt,
        seed=seed,
        width=picture.shape[1],
        height=picture.shape[0],
        likeness=None if is_avatar else alike,
        avatar_shown=alike if is_avatar else None,
        sharpness=sharp,
        safety=verdict.score,
        seconds=time.monotonic() - start,
        mark=ident,
        engine=engine,
    )


def sign_edit(
    picture: np.ndarray, *, parent: bytes, engine: str, signer: Signer, mark: int | None = None
) -> tuple[bytes, int]:
    """An edit (H, W, 3) uint8 of our picture `parent` as a file, and the number in its watermark. `mark`: the
    parent's own number, which an edit that moved no pixel keeps; else it gets a new one. The parent was
    screened, and an edit shows nothing that it did not show. ValueError for a side under 192 px."""
    ident = secrets.randbits(32) if mark is None else mark
    return _marked(picture, ident, engine=engine, signer=signer, parent=parent), ident


def sign_copy(
    picture: np.ndarray,
    *,
    engine: str,
    signer: Signer,
    mark: int,
    created: datetime,
    parent: bytes | None = None,
) -> bytes:
    """A JPEG of our picture (H, W, 3) uint8, perhaps smaller, with its number and a signature of its own.
    `created`: when the picture was made. `parent`: the picture's file, if the picture is an edit; the copy is
    then signed as edited. ValueError for a side under 192 px where it must be marked again: a mark that the
    copy still shows is not written over itself, which would make it visible."""
    jpeg = media.encode_jpeg(picture, 90)
    if watermark.read(media.to_array(jpeg)) != mark:
        jpeg = media.encode_jpeg(watermark.embed(picture, mark), 90)
    return signer.sign(jpeg, "image/jpeg", engine=engine, ident=mark, created=created, parent=parent)


def _marked(picture: np.ndarray, ident: int, *, engine: str, signer: Signer, parent: bytes | None) -> bytes:
    """The file, with the mark `ident` and the signature."""
    png, now = media.encode_png(watermark.embed(picture, ident)), datetime.now(UTC)
    return signer.sign(png, "image/png", engine=engine, ident=ident, created=now, parent=parent)
