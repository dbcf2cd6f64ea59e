"""The traits that can be measured directly, from the measures of all views. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.avatar import cuts
from ml.avatar.combine import Measured, median_colour, vote, weight_of_hair, weighted_median
from ml.avatar.details import Details
from ml.avatar.hair import typical_lightness
from ml.avatar.skin import nearest_skin

# The codes of notes, with their sentences.
COVERED, UNSURE, MIXED, FAR_SKIN, DARK = "hair_covered", "hair_unsure", "hair_mixed", "skin_far", "skin_dark"
NOTES = {
    COVERED: "Something covers the hair, such as a scarf or a hat: the nearest cut and the colour of the"
    " brows were taken. Correct them if they are wrong.",
    UNSURE: "No known cut fits the hair well: the nearest was taken. Correct it if it is wrong.",
    MIXED: "The hair looks different from photo to photo: what most of them show was taken.",
    FAR_SKIN: "The built-in engine cannot draw this tone of skin exactly: the nearest was taken.",
    DARK: "The photos are dark, so the tone of the skin is a guess.",
}
# Dark lines at the bridge and below the eyes, units of lightness: bare faces have at most 9 together.
GLASSES, LEAST_LINE, MOST_LINE = 10.0, 1.0, 15.0
# How much wider or longer drawn features are than MTCNN's points of them.
GAP, NOSE, MOUTH = 0.92, 0.045, 0.95
RANGES = {
    "eye_gap": (0.29, 0.38),
    "nose_length": (0.34, 0.46),
    "mouth": (0.22, 0.33),
    "brow": (0.022, 0.085),
    "brow_arch": (0.0, 0.10),
    "lips": (0.05, 0.12),
    "hair_shade": (0.6, 1.2),
    "width": (0.67, 0.82),
    "jaw": (1.7, 3.2),
}
DRAWN_SHADE = (0.0, 30.0, 22.0)  # lightness: how much darker than the cheeks bare chins are in drawings
AGREE = 0.3  # share of the photos that must show the cut of all of them together, or it is a guess
FRINGE = -15.0  # lightness of the forehead against the cheeks where hair falls over it
JAW = 0.07  # by what the ratio of jaw and cheeks is wider in photos than in drawings
WIDTH = 0.075  # by what drawn faces are wider than what is measured


@dataclass
class Found:
    """`values`: fields of the drawing program's person. `notes`: keys of NOTES."""

    values: dict[str, Any] = field(default_factory=dict)
    glasses: str = "none"
    confidence: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: Any, sure: float) -> None:
        if name in RANGES:
            value = float(np.clip(value, *RANGES[name]))
        self.values[name] = value
        self.confidence[name] = round(float(np.clip(sure, 0, 1)), 2)


def found_in(seen: Sequence[Measured], subject: str) -> Found:
    found = Found()
    add_skin(found, seen)
    add_beard(found, seen)
    add_gender(found, seen, subject)
    add_hair(found, seen)
    add_proportions(found, seen)
    add_eyes(found, seen)
    add_glasses(found, seen)
    add_age(found, seen)
    return found


def add_skin(found: Found, seen: Sequence[Measured]) -> None:
    colour = median_colour([one.skin for one in seen], [one.trust for one in seen])
    knobs, away = nearest_skin(colour)
    trust = max(one.trust for one in seen)
    for name, value in knobs.items():
        found.add(name, value, trust * (1 - away / 20))
    found.notes += [FAR_SKIN] if away > 8 else []
    found.notes += [DARK] if trust < 0.5 else []
    spots = float(np.median([one.details.spots for one in seen]))
    found.add("freckles", 0.6 if spots > 0.09 else 0.0, 0.5)


def add_gender(found: Found, seen: Sequence[Measured], subject: str) -> None:
    """Which lashes and lips are drawn: as the subject says, otherwise by what is seen."""
    red = float(np.median([one.details.lips[1] - one.details.cheek[1] for one in seen]))
    guess = "man" if found.values["beard"] != "none" or red < 9 else "woman"
    found.add(
        "gender", subject if subject in ("woman", "man") else guess, 1.0 if subject != "person" else 0.4
    )


def add_beard(found: Found, seen: Sequence[Measured]) -> None:
    choice, share = vote([(beard_of(one), 1.0) for one in seen])
    if share <= 0.5:
        choice, share = "none", 0.5
    found.add("beard", choice, share)


def beard_of(one: Measured) -> str:
    """Bristles are grainy and darker than the cheeks, a full beard much darker."""
    d = one.details
    dark = [-float(part[0]) for part in (d.moustache, d.chin, d.jaw)]
    if one.view.drawn:
        dark = [value - shade for value, shade in zip(dark, DRAWN_SHADE)]
    hair_like = d.bristle > 4.0
    if dark[1] > 22 and dark[2] > 22 and (dark[0] > 15 or hair_like or dark[1] > 30):
        return "beard"
    if dark[0] > 18 and dark[1] < 10 and d.bristle > 3.0:
        return "moustache"
    if dark[1] > 20 and dark[2] < 14 and hair_like:
        return "goatee"
    return "stubble" if hair_like and dark[0] > 8 else "none"


def add_hair(found: Found, seen: Sequence[Measured]) -> None:
    bald = np.mean([one.hair.is_bald for one in seen]) > 0.5
    bare = [one for one in seen if not one.hair.is_bald and not one.hair.is_covered]
    if bald:
        found.add("hair", "bald", 0.8)
        add_brow_colour(found, seen)
    elif not bare:
        found.notes.append(COVERED)
        found.add("hair", "bob" if found.values["gender"] == "woman" else "short", 0.1)
        add_brow_colour(found, seen)
    else:
        add_seen_hair(found, bare)


def add_seen_hair(found: Found, seen: Sequence[Measured]) -> None:
    weights = [weight_of_hair(one) for one in seen]
    colour, share = vote(zip([one.hair.colour for one in seen], weights))
    own = [(one, w) for one, w in zip(seen, weights) if one.hair.colour == colour]
    found.add("hair_colour", colour, share)
    light = weighted_median([float(one.hair.lab[0]) for one, _ in own], [w for _, w in own])
    found.add("hair_shade", 1 + (light - typical_lightness(colour)) / 45 - 0.1, 0.5)
    shape = cuts.mean_of([one.hair.shape for one, _ in own], [w for _, w in own])
    cut = cuts.cut_of(shape, found.values["gender"], drawn=seen[0].view.drawn)
    alone = [cuts.cut_of(one.hair.shape, found.values["gender"], drawn=one.view.drawn) for one, _ in own]
    agree = alone.count(cut) / len(alone)
    if cut == "bob" and np.median([one.details.forehead[0] for one in seen]) < FRINGE:
        cut = "fringe"
    found.add("hair", cut, 0.2 + agree / 2)
    found.notes += [MIXED] if share < 0.6 else [UNSURE] if agree < AGREE else []


def add_brow_colour(found: Found, seen: Sequence[Measured]) -> None:
    """Without hair the brows tell the colour of the beard and of the brows."""
    dark = float(np.median([one.details.brow_dark / max(float(one.skin[0]), 20.0) for one in seen]))
    found.add("hair_colour", "black" if dark > 0.6 else "brown" if dark > 0.35 else "blonde", 0.2)
    found.add("hair_shade", 1.0, 0.2)


def add_proportions(found: Found, seen: Sequence[Measured]) -> None:
    points = np.median([one.view.landmarks for one in seen], 0)
    mouths = [float(one.view.landmarks[4, 0] - one.view.landmarks[3, 0]) / 2 for one in seen]
    found.add("eye_gap", float(points[1, 0] - points[0, 0]) / 2 / GAP, 0.8)
    found.add("nose_length", float(points[2, 1]) + NOSE, 0.6)
    found.add("mouth", float(np.percentile(mouths, 30)) / MOUTH, 0.6)  # a smile widens the mouth
    width, jaw = (float(np.median([getattr(one.hair, name) for one in seen])) for name in ("cheeks", "jaw"))
    found.add("width", width + WIDTH, 0.5)
    # The head's outline in ml.drawn.solid: half its width at y is width * sqrt(1 - y ** jaw).
    found.add("jaw", np.log(1 - np.clip(jaw / width - JAW, 0.6, 0.9) ** 2) / np.log(0.65), 0.4)
    details = [one.details for one in seen if one.details.forehead[0] > FRINGE]
    if details:
        add_brows(found, details)
    found.add("lips", float(np.median([one.details.fullness for one in seen])) / 1.6, 0.5)


def add_brows(found: Found, details: Sequence[Details]) -> None:
    found.add("brow", float(np.median([d.brow for d in details])) - 0.01, 0.5)
    found.add("brow_arch", float(np.median([d.arch for d in details])) + 0.03, 0.3)


def add_eyes(found: Found, seen: Sequence[Measured]) -> None:
    colour = median_colour([one.details.eyes for one in seen], [one.trust for one in seen])
    light, red, yellow = (float(v) for v in colour)
    if light < 14:
        name = "dark"
    elif yellow < 1.0:
        name = "blue"
    elif red < -2:
        name = "green"
    elif red < 2.6 and yellow < 5:
        name = "grey"
    else:
        name = "brown" if light < 34 else "hazel"
    found.add("eyes", name, 0.4)


def add_glasses(found: Found, seen: Sequence[Measured]) -> None:
    worn = float(np.mean([wears_glasses(one.details) for one in seen]))
    found.glasses = "square" if worn >= 0.5 else "none"
    found.confidence["glasses"] = round(max(worn, 1 - worn), 2)


def wears_glasses(details: Details) -> bool:
    lines = np.array([details.bridge, details.rims])
    return bool(lines.min() > LEAST_LINE and lines.clip(0, MOST_LINE).sum() > GLASSES)


def add_age(found: Found, seen: Sequence[Measured]) -> None:
    """Grey hair alone tells it: lines in the face depend on the light."""
    grey = found.values["hair_colour"] in ("grey", "white")
    found.add("age", 0.75 if grey else 0.3, 0.3)
