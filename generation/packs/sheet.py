"""The contact sheet of an order: its pictures from the best to the worst, and what to do with the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gallery.models import Item
from gallery.services import change_item
from generation.models import Job, Output

CLEAR = 0.175  # sharpness of a face from which it counts as sharp: ml.measures refuses photos below it


@dataclass(frozen=True)
class Shot:
    """A picture of an order that is still there. `score` sorts: None where nothing was measured."""

    output: Output
    item: Item
    score: float | None
    rank: int = 0  # from 1, the best


def score_of(output: Output) -> float | None:
    """How surely it shows the twin, less for a face that is not sharp. None without a face."""
    if output.alike is None:
        return None
    sharp = 1.0 if output.sharpness is None else min(1.0, output.sharpness / CLEAR)
    return output.alike * sharp


def sheet(job: Job) -> list[Shot]:
    """Its pictures, the best first; those without a score are last, in their order."""
    outputs = list(job.outputs.all())
    found = Item.objects.owned_by(job.user_id).in_bulk([output.item for output in outputs])
    shots = [Shot(o, found[o.item], score_of(o)) for o in outputs if o.item in found]
    return [Shot(s.output, s.item, s.score, rank) for rank, s in enumerate(sorted(shots, key=_worse), 1)]


def _worse(shot: Shot) -> tuple[bool, bool, float, int]:
    return not shot.output.recognised, shot.score is None, -(shot.score or 0.0), shot.output.index


def keep_best(job: Job, count: int) -> list[Item]:
    """Marks the best `count` pictures as favourites; marks that are there stay. Returns these pictures."""
    best = [shot.item for shot in sheet(job)[:count]]
    for item in best:
        if not item.favourite:
            change_item(item, favourite=True)
    return best


def remove_others(job: Job) -> int:
    """Deletes the pictures of an order that are no favourites. Returns their number."""
    return _items(job).filter(favourite=False).remove()


def others(shots: Sequence[Shot]) -> int:
    """How many pictures remove_others would delete."""
    return sum(not shot.item.favourite for shot in shots)


def ids(shots: Iterable[Shot], *, favourites: bool = False) -> list[str]:
    """The ids for an archive: of all, or of the favourites."""
    return [str(shot.item.id) for shot in shots if shot.item.favourite or not favourites]


def _items(job: Job) -> Any:
    return Item.objects.owned_by(job.user_id).filter(job=job.id)
