"""Orders of headshots: which packs are offered, a new order, and the same again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from generation import engines, services
from generation.models import Job
from generation.packs.models import Pack, Preset
from generation.packs.prompts import prompts, readable
from ml.catalogue import Base
from twins.models import Training, Twin
from twins.proof import subjects

HEADSHOTS = "headshots"  # the kind of job
LEAST, MOST, USUAL = 8, 40, 20  # pictures of an order


class PackGone(DomainError):
    code, status = "pack_gone", 409
    message = _("This pack is not offered any more. Choose another one; nothing was charged.")


class PresetGone(DomainError):
    code, status = "preset_gone", 409
    message = _(
        "One of these choices is not offered any more. Open the pack again and choose; nothing was charged."
    )


def offered(base: Base | None = None) -> list[Pack]:
    """The packs that are offered, with `base` those that it can make."""
    rows = Pack.objects.filter(enabled=True).prefetch_related("presets", "pictures")
    able = [pack for pack in rows if _is_whole(pack.choices())]
    return [pack for pack in able if base is None or all(readable(pack.choices(), base))]


def _is_whole(presets: Sequence[Preset]) -> bool:
    return {preset.kind for preset in presets} == set(Preset.Kind)


def pack_of(code: str) -> Pack:
    """Raises PackGone."""
    found = next((pack for pack in offered() if pack.code == code), None)
    if found is None:
        raise PackGone
    return found


def choices_for(pack: Pack, base: Base) -> list[Preset]:
    """The presets that a customer can choose from with this engine."""
    return [preset for preset in pack.choices() if preset.words_for(base)]


def order(
    user: Any,
    *,
    twin: Twin,
    pack: str,
    training: Training | None = None,
    presets: Iterable[str] = (),
    key: str | None = None,
    body_hash: str = "",
    **fields: Any,
) -> Job:
    """Enqueues one job for all pictures of a pack. `presets`: codes of some of its presets; of a kind without
    any, all count. Raises PackGone, PresetGone, PackUnfit, and as services.request_job."""
    fields.setdefault("count", USUAL)
    job = Job(user=user, kind=HEADSHOTS, twin=twin, prompt=pack, **fields)

    def compose(new: Job) -> None:
        subjects.require_consent(twin)
        new.training = training or services.usable_training(twin)
        fill(new, pack, presets)

    return services.request_job(job, training=training, key=key, body_hash=body_hash, compose=compose)


def fill(job: Job, code: str, presets: Iterable[str]) -> None:
    """Sets the engine, the pack and the prompts of an order whose training is set. They stay as they are now,
    whatever staff change later. Raises PackGone, PresetGone, PackUnfit, and as engines.chosen."""
    base, pack = engines.chosen(job), pack_of(code)
    chosen = choose(pack, list(presets), base)
    job.engine, job.pack = base.name, pack
    job.prompt, job.style, job.aspect_ratio = pack.name, pack.style, pack.aspect_ratio
    job.presets = [preset.code for preset in chosen]
    job.shots = prompts(pack, chosen, base, job.count)


def choose(pack: Pack, codes: Sequence[str], base: Base) -> list[Preset]:
    """The presets of these codes, and all of each kind that has none among them, without those whose words
    the base does not know. Raises PresetGone."""
    able = {preset.code: preset for preset in pack.choices()}
    if not set(codes) <= able.keys():
        raise PresetGone
    kinds = {able[code].kind for code in codes}
    return [each for each in choices_for(pack, base) if each.code in codes or each.kind not in kinds]


def again(
    job: Job, *, same_seed: bool = False, key: str | None = None, body_hash: str = "", **other: Any
) -> Job:
    """The same order again, maybe of another twin, with the words that the pack has now. With the same seed
    it also uses the same version of the twin. Raises TwinGone, and as order."""
    twin = other.pop("twin", None) or job.twin
    if twin is None:
        raise services.TwinGone
    training = job.training if same_seed and twin == job.twin else None
    fields = {"quality": job.quality, "count": job.count, "presets": job.presets, "pack": _code_of(job)}
    fields["engine"] = engines.kept(job.base, training or twin.active_training)
    fields |= {"seed": job.seed if same_seed else None, "album": job.album}
    return order(
        job.user, twin=twin, training=training, repeats=job, key=key, body_hash=body_hash, **fields | other
    )


def _code_of(job: Job) -> str:
    return job.pack.code if job.pack else ""
