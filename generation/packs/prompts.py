"""The prompts of a pack. Every prompt of headshots comes from `prompts`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from math import gcd, prod

from django.utils.translation import gettext_lazy as _

from config.errors import DomainError
from generation.packs.models import Pack, Preset
from ml.catalogue import Base
from ml.prompts import unknown_words


class PackUnfit(DomainError):
    code, status = "pack_unfit", 409
    message = _(
        "This pack cannot be made with this engine. Choose another pack or another engine; nothing was"
        " charged."
    )


def prompts(pack: Pack, presets: Iterable[Preset], base: Base, count: int) -> list[str]:
    """`count` prompts from these presets. Every combination of background, attire and light comes once before
    one comes again. Presets whose words the base does not know are left out.

    Raises PackUnfit when none of a kind is left.
    """
    words = readable(presets, base)
    if not all(words):
        raise PackUnfit
    first = "" if unknown_words(base, pack.words) else pack.words
    return [", ".join(filter(None, (first, *parts))) for parts in mixed(words, count)]


def readable(presets: Iterable[Preset], base: Base) -> list[list[str]]:
    """The words of each kind, in the order of Preset.Kind, that this base reads."""
    said = [(preset.kind, preset.words_for(base)) for preset in presets]
    return [[words for kind, words in said if kind == wanted and words] for wanted in Preset.Kind]


def mixed(words: Sequence[Sequence[str]], count: int) -> list[tuple[str, ...]]:
    """`count` combinations of one of each. The step through all of them has no common divisor with their
    number, so none is missed; it is near the golden section, so neighbours differ in more than the light."""
    every = list(product(*words))
    n = prod(map(len, words))
    step = next(step for step in range(round(0.618 * n) or 1, 2 * n + 1) if gcd(step, n) == 1)
    return [every[i * step % n] for i in range(count)]
