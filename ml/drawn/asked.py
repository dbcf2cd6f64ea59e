"""What a prompt asks a drawing to show: from captions (captions.py) back to values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ml.drawn.captions import BEARD_WORDS, HAIR_WORDS, WALLS
from ml.drawn.people import BEARDS, EYE_COLOURS, HAIR_COLOURS
from ml.vocabulary import COLOURS, SAY

COLOUR_OF = {"clothes": "colour", "hat": "hat_colour", "hair": "hair_colour", "background": "backdrop"}
DENIED = re.compile(r"\b(?:no|not|without)(?: an?| any)? $")
# Other names of colours of hair.
SAME = {"blond": "blonde", "gray": "grey", "silver": "grey", "ginger": "red", "auburn": "chestnut"}
# Words for a kind alone, tried after all others: of glasses and hats the usual ones, of a smile its stem.
ALONE = [
    ("glasses", "round", "glasses"),
    ("glasses", "round", "spectacles"),
    ("hat", "hat", "hat"),
    ("expression", "smiling", "smile"),
    ("beard", "beard", "beard"),
    ("beard", "none", "clean-shaven"),
    ("hair_colour", "blonde", "blonde"),
    ("hair_colour", "brown", "brunette"),
    ("hair_colour", "red", "redhead"),
]


def asked(text: str) -> dict[str, Any]:
    """Field of ml.drawn.values.CHOICES -> the value that a prompt names. A field is left out where the prompt
    names two values for it; of styles the first counts, for the chosen one stands in front. "No hat" and
    "without glasses" ask for none.

    "photo of a man, smiling, in a red hoodie" -> style photorealistic, expression smiling, clothes hoodie,
    colour red."""
    found: dict[str, list[tuple[int, Any]]] = {}
    left = text.lower()
    for pattern, values in phrases():
        for match in pattern.finditer(left):
            for field, value in said_by(match, values, left).items():
                found.setdefault(field, []).append((match.start(), value))
        left = pattern.sub(lambda match: "#" * len(match[0]), left)  # no shorter phrase counts it again
    sure = {field for field, some in found.items() if field == "style" or len({v for _, v in some}) == 1}
    return {field: min(found[field])[1] for field in sure}


def said_by(match: re.Match[str], values: dict[str, Any], text: str) -> dict[str, Any]:
    """What a phrase in a text asks for: `values`, and the colour that stands in it."""
    if DENIED.search(text[: match.start()]):
        return {field: "none" for field in values if field in ("glasses", "hat", "beard")}
    (field,) = values
    colour = match.groupdict().get("colour")
    return values | ({COLOUR_OF[field]: SAME.get(colour, colour)} if colour else {})


@lru_cache
def phrases() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Patterns and the value that each names, the longest phrase first."""
    known = {**SAY, "hair": HAIR_WORDS}
    some = [(field, value, one) for field, names in known.items() for value in names for one in names[value]]
    some += [("background", "studio", wall) for wall in WALLS]
    some += [("beard", name, BEARD_WORDS.get(name, name)) for name in BEARDS if name != "none"]
    some += [("eyes", colour, f"{colour} eyes") for colour in EYE_COLOURS]
    some.sort(key=lambda row: -len(row[2]))
    colours = [(word, SAME.get(word, word)) for word in (*HAIR_COLOURS, *SAME)]
    some += [("hair_colour", colour, f"{word} hair") for word, colour in colours]
    some += [("hair_colour", colour, f"hair dyed {word}") for word, colour in colours]
    return [(pattern_of(phrase, field), {field: value}) for field, value, phrase in some + ALONE]


def pattern_of(phrase: str, field: str) -> re.Pattern[str]:
    """`{}` is a colour. It may be missing, but from a wall: any place has a background."""
    colours = "|".join([*HAIR_COLOURS, *SAME] if field == "hair" else COLOURS)
    often = "" if field == "background" else "?"
    words = re.escape(phrase).replace(r"\{\}\ ", rf"(?:(?P<colour>{colours})\ ){often}")
    return re.compile(rf"(?<![\w-]){words}(?![\w-])")
