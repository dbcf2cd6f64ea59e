"""Jobs that begin from a picture of the user's own: image-to-image, repairs, enlargements, more like this."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _
from PIL import Image

from accounts.vault.vault import store
from billing.engines import offers
from config.errors import DomainError, Invalid
from gallery.models import UNSAFE, Item
from generation.models import Job, mask_file
from ml import media
from ml.catalogue import Base
from ml.edit import print_size
from ml.errors import MLError, PhotoRefused
from ml.types import ASPECTS

STRENGTH = 0.6  # of image-to-image where none is asked for


class ReferenceNotAllowed(DomainError):
    code = "reference_not_allowed"
    message = _("This picture cannot be used as a start. Nothing was charged. Choose another one.")


class EngineWithoutReference(DomainError):
    code = "engine_without_reference"
    message = _(
        "This engine cannot begin from one of your pictures. Nothing was charged. Choose another engine."
    )


class MaskUnreadable(DomainError):
    code = "mask_unreadable"
    message = _("The mask cannot be read. Send a PNG, or paint over the part again. Nothing was charged.")


class MaskWrongSize(DomainError):
    code = "mask_wrong_size"
    message = _("The mask is not as large as the picture. Nothing was charged. Paint it again.")


class MaskEmpty(DomainError):
    code = "mask_empty"
    message = _("Nothing is marked. Paint over the part that should change, or choose a part by its name.")


class PrintTooLarge(DomainError):
    code = "print_too_large"
    message = _("This picture is already as large as pictures can be made here. Nothing was charged.")


def nearest_aspect(item: Item) -> str:
    """The shape of ASPECTS that is nearest to the picture's."""
    shape = item.width / item.height

    def far(aspect: str) -> float:
        width, height = map(int, aspect.split(":"))
        return abs(math.log(shape * height / width))

    return min(ASPECTS, key=far)


def begin(job: Job, *, shaped: bool) -> None:
    """Image-to-image: the picture's shape where none was asked for, and a strength. Raises NotFound."""
    item = Item.objects.owned_by(job.user).get_or_404(job.reference)
    if not shaped:
        job.aspect_ratio = nearest_aspect(item)
    job.strength = STRENGTH if job.strength is None else job.strength


def require_safe(item: Item) -> None:
    """Raises ReferenceNotAllowed. The engine screens the picture again before it begins."""
    if item.safety >= UNSAFE or item.is_clip:
        raise ReferenceNotAllowed


def require_allowed(item: Item) -> None:
    """For new pictures of it: only pictures that were made here. A restored one may show anybody, who did not
    agree to it. Raises ReferenceNotAllowed."""
    require_safe(item)
    if item.kind != Item.Kind.IMAGE:
        raise ReferenceNotAllowed


def check(job: Job, base: Base) -> None:
    """Before anything is held: the picture is there, the user's own and allowed, and the engine can begin
    from it. Raises NotFound, ReferenceNotAllowed, EngineWithoutReference."""
    if job.reference is None:
        return
    item = Item.objects.owned_by(job.user).get_or_404(job.reference)
    require_safe(item) if job.times else require_allowed(item)
    if not base.references and not job.duration:  # a clip is moved by a model of its own
        raise EngineWithoutReference


def usual_engine(job: Job) -> str:
    """The usual engine of the user; for a job that begins from a picture the first one that can."""
    usual = offers.default(job.user)
    if job.reference is None or offers.require(job.user, usual).references:
        return usual
    able = [base.name for base in offers.usable(job.user) if base.references]
    return next(iter(able), usual)


def read_mask(data: bytes, item: Item) -> bytes:
    """A mask as it is kept: a PNG of black and white, as large as the picture. Raises Mask*."""
    try:
        pixels = media.pixels(data, max_pixels=2 * item.width * item.height)
    except PhotoRefused as refused:
        raise (MaskWrongSize if refused.code == "too_large" else MaskUnreadable) from None
    if pixels.shape[:2] != (item.height, item.width):
        raise MaskWrongSize
    painted = pixels.max(axis=2) > 127
    if not painted.any():
        raise MaskEmpty
    out = io.BytesIO()
    Image.fromarray(painted.astype(np.uint8) * 255).convert("1").save(out, "PNG")
    return out.getvalue()


def with_mask(job: Job, mask: bytes, ask: Callable[[Job], Job]) -> Job:
    """Asks for a job with its mask in the vault; a mask that no new job uses is deleted."""
    job.mask = uuid.uuid4()
    files, kept = store(job.user.id), False
    files.write(mask_file(job.mask), mask)
    try:
        asked = ask(job)
        kept = asked.mask == job.mask
        return asked
    finally:
        if not kept:
            files.delete(mask_file(job.mask))


def require_room_to_enlarge(item: Item, times: int) -> None:
    """Raises PrintTooLarge."""
    try:
        print_size(item.width, item.height, times)
    except MLError:
        raise PrintTooLarge from None


def free_seed(item: Item, count: int, most: int) -> int:
    """The first seed after the picture's from which on `count` seeds made nothing of the same words yet.
    Raises Invalid for a picture without a recipe."""
    seed: Any = item.recipe.get("seed")
    if not item.prompt or not isinstance(seed, int):
        raise Invalid(errors={"item": [str(_("This picture was not made from words here."))]})
    same = Job.objects.owned_by(item.user_id).filter(prompt=item.prompt, seed__gte=seed - 8)
    taken = {s + i for s, n in same.order_by("seed").values_list("seed", "count")[:2000] for i in range(n)}
    start = seed + 1
    while taken & set(range(start, start + count)):
        start += 1
    return start if start + count <= most else 0
