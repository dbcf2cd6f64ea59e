"""What is asked for from a picture of the gallery: a repair, an enlargement, more like it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import Invalid
from gallery.models import Item
from generation import references
from generation.models import Job
from generation.services import SEEDS, request_job, usable_training
from ml.types import REGIONS
from twins.demonstration import DEMONSTRATION
from twins.models import Training, Twin

REPAIRED = 0.85  # strength of a repair: the part is mostly new
RECIPE = ("negative_prompt", "style", "era", "aspect_ratio", "quality", "steps", "engine")


def request_repair(
    item: Item,
    *,
    prompt: str,
    mask: bytes = b"",
    region: str = "",
    strength: float | None = None,
    key: str | None = None,
    body_hash: str = "",
    **recipe: Any,
) -> Job:
    """Paints a part of the picture again, with its twin: what `mask` (a PNG) marks, or a region of REGIONS.

    Raises Mask*, Invalid, and as services.request_job."""
    references.require_allowed(item)
    if bool(mask) == bool(region) or (region and region not in REGIONS):
        sentence = _("Paint over the part that should change, or choose it by its name.")
        raise Invalid(errors={"region": [str(sentence)]})
    twin, training = who(item)
    job = Job(
        user=item.user,
        kind="repair",
        twin=twin,
        prompt=prompt,
        style=item.style or "photorealistic",
        aspect_ratio=references.nearest_aspect(item),
        reference=item.id,
        region=region,
        strength=REPAIRED if strength is None else strength,
        **{"seed": None} | recipe,
    )
    ask = partial(request_job, training=training, key=key, body_hash=body_hash)
    return references.with_mask(job, references.read_mask(mask, item), ask) if mask else ask(job)


def who(item: Item) -> tuple[Twin | None, Training | None]:
    """The picture's twin with the version that made it, if both are still there and trained. Raises
    TwinDisabled."""
    twin = item.twin
    if twin is None or (twin.active_training is None and not twin.disabled_at):
        return None, None
    usable = usable_training(twin)
    made = Training.objects.owned_by(item.user).filter(id=item.training, twin=twin).exclude(sha256="").first()
    return twin, made or usable


def request_enlarged(item: Item, *, times: int, key: str | None = None, body_hash: str = "") -> Job:
    """The picture `times` as large, for printing. Raises PrintTooLarge, and as services.request_job."""
    references.require_safe(item)
    references.require_room_to_enlarge(item, times)
    job = Job(
        user=item.user,
        kind="enlarge",
        prompt=item.prompt,
        style=item.style or "photorealistic",
        aspect_ratio=references.nearest_aspect(item),
        reference=item.id,
        times=times,
        seed=0,
    )
    return request_job(job, key=key, body_hash=body_hash, compose=lambda _job: None)


def request_similar(item: Item, *, count: int = 4, key: str | None = None, body_hash: str = "") -> Job:
    """Pictures of the same recipe with the seeds that follow. Raises Invalid for a picture without a recipe,
    ReferenceNotAllowed for a clip, and as services.request_job."""
    if item.is_clip:
        raise references.ReferenceNotAllowed
    seed = references.free_seed(item, count, SEEDS)
    recipe = {name: item.recipe[name] for name in RECIPE if item.recipe.get(name)}
    again = {"kind": "image", "prompt": item.prompt, "count": count, "seed": seed} | recipe
    if item.recipe.get("kind") == "repair":
        again |= {"kind": "repair"} | _part(item.recipe)
    elif item.recipe.get("reference"):
        again |= {name: item.recipe.get(name) for name in ("reference", "strength")}
    twin, training = who(item)
    again["demonstration"] = item.recipe.get("twin") == str(DEMONSTRATION)
    return request_job(
        Job(user=item.user, twin=twin, **again), training=training, key=key, body_hash=body_hash
    )


def _part(recipe: dict[str, Any]) -> dict[str, Any]:
    found = {name: recipe.get(name) for name in ("reference", "strength", "mask")}
    return found | {"region": recipe.get("region", "")}
