"""Makes the example pictures of packs on an engine of this machine. They show nobody's twin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from config.studio import get_engine
from generation.packs.models import PICTURES, Pack, PackPicture
from generation.packs.prompts import prompts
from ml import media
from ml.catalogue import Base
from ml.errors import MLError
from ml.types import Picture, RenderSpec

SIDE = 480  # px of the longer side that is kept
SUBJECTS = ("woman", "man")  # in turn


def make(pack: Pack, base: Base, *, count: int = PICTURES, seed: int = 1) -> list[PackPicture]:
    """Replaces the example pictures of a pack. Raises PackUnfit, and MLError "result_refused" when none may
    be shown: the earlier pictures stay then."""
    asked = prompts(pack, pack.choices(), base, count)
    made = [picture for picture in _rendered(pack, base, asked, seed) if picture]
    if not made:
        raise MLError("result_refused", f"No picture of {pack.code} may be shown.")
    rows = [_row(pack, base, number, picture) for number, picture in enumerate(made)]
    with transaction.atomic():
        pack.pictures.all().delete()
        return PackPicture.objects.bulk_create(rows)


def _rendered(pack: Pack, base: Base, asked: list[str], seed: int) -> Iterator[Picture | None]:
    """None for a picture that may not be shown."""
    for number, prompt in enumerate(asked):
        subject = SUBJECTS[number % len(SUBJECTS)]
        spec = RenderSpec(
            prompt,
            subject=subject,
            style=pack.style,
            aspect=pack.aspect_ratio,
            quality="high",
            seed=seed + number,
        )
        try:
            yield next(iter(get_engine(base.name).render(spec)))
        except MLError as e:
            if e.code != "result_refused":
                raise
            yield None


def _row(pack: Pack, base: Base, number: int, picture: Picture) -> PackPicture:
    data = media.thumbnail(picture.png, SIDE)
    scale = min(1.0, SIDE / max(picture.width, picture.height))
    facts: dict[str, Any] = {
        "width": round(picture.width * scale),
        "height": round(picture.height * scale),
        "etag": hashlib.sha256(data).hexdigest(),
    }
    return PackPicture(pack=pack, number=number, engine=base.name, prompt=picture.prompt, data=data, **facts)
