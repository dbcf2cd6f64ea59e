"""Random people and scenes for the drawing program.

A person is a vector of traits. A scene is everything that may change from photo to photo. Both come from a
seeded generator. Rare traits are as frequent as common ones, so that models trained on the drawings learn
them too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ml.types import STYLES
from ml.vocabulary import BACKGROUNDS, CLOTHES, COLOURS, EXPRESSIONS, GLASSES, HATS, LIGHTS

HAIR_COLOURS = {
    "black": (0.07, 0.06, 0.07),
    "brown": (0.25, 0.14, 0.08),
    "chestnut": (0.38, 0.18, 0.09),
    "red": (0.62, 0.20, 0.07),
    "blonde": (0.86, 0.67, 0.36),
    "grey": (0.56, 0.56, 0.58),
    "white": (0.90, 0.89, 0.87),
    "blue": (0.16, 0.32, 0.70),
    "pink": (0.90, 0.42, 0.62),
    "purple": (0.42, 0.20, 0.56),
}
HAIR_STYLES = ("bald", "buzz", "short", "parted", "quiff", "curly", "afro", "bob", "long", "wavy", "bun")
# Also drawn, but by no random person: of avatars (ml/avatar).
MORE_HAIR_STYLES = ("tied", "fringe")
EYE_COLOURS = {
    "brown": (0.33, 0.18, 0.08),
    "blue": (0.22, 0.46, 0.80),
    "green": (0.22, 0.52, 0.27),
    "grey": (0.46, 0.52, 0.57),
    "hazel": (0.52, 0.37, 0.13),
    "dark": (0.12, 0.08, 0.06),
}
BEARDS = ("none", "stubble", "moustache", "goatee", "beard")
TURNED = 10.0  # least yaw in degrees of a head that looks to a side


@dataclass(frozen=True)
class Person:
    """One identity. Numbers are in head units (half the height of the head is 1) or 0..1."""

    gender: str  # woman, man
    age: float  # 0..1 for 20 to 80 years
    skin: float  # 0 fair .. 1 darkest
    tint: float  # -1 rosy .. 1 olive
    hair: str
    hair_colour: str
    hair_shade: float  # brightness of the hair, 0.8..1.2
    width: float  # half the width of the face
    jaw: float  # 1.7 pointed .. 3.2 square
    eyes: str
    eye_size: float
    eye_gap: float  # distance of an eye from the middle
    eye_slant: float
    brow: float  # thickness
    brow_arch: float
    nose: float  # height above the face
    nose_width: float
    nose_length: float
    mouth: float  # half its width
    lips: float  # fullness
    beard: str
    freckles: float
    mole: tuple[float, float] | None
    chroma: float = 1.0  # of the skin's colour: below 1 it is paler than the drawing program's usual skins


@dataclass(frozen=True)
class Scene:
    """Everything except the person. Angles in degrees; `size` is half the head's height in half frames."""

    background: str = "studio"
    backdrop: str = "grey"  # the colour of the studio's wall
    clothes: str = "t-shirt"
    colour: str = "blue"
    light: str = "soft"
    expression: str = "neutral"
    blink: float = 0.0  # 0 as the expression opens the eyes .. 1 closed
    joy: float = 0.0  # 0 as the expression .. 1 as the next happier one
    glasses: str = "none"
    hat: str = "none"
    hat_colour: str = "red"
    style: str = "photorealistic"
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    size: float = 0.6
    dx: float = 0.0
    dy: float = 0.0
    side: int = 1  # the light's side
    sun: float = 0.0  # by which the light has gone round the head, towards the picture's right
    arrangement: int = 0  # seed of the background's details


def pick(rng: np.random.Generator, names: Any, weights: Any = None) -> str:
    names = list(names)
    p = None if weights is None else np.asarray(weights, float) / np.sum(weights)
    return names[int(rng.choice(len(names), p=p))]


def random_person(rng: np.random.Generator) -> Person:
    """A random adult. Traits are independent, except where that looks odd (beards, grey hair, brows)."""
    gender = pick(rng, ("woman", "man"))
    man = gender == "man"
    age = float(rng.uniform(0, 1))
    style_weights = (
        [0.9, 1.1, 1.3, 1.3, 1.2, 1.1, 0.9, 0.2, 0.4, 0.4, 0.3]
        if man
        else [0.35, 0.35, 0.7, 0.9, 0.5, 1.0, 1.0, 1.3, 1.4, 1.4, 1.1]
    )
    grey = 2.2 if age > 0.6 else 0.35
    colour_weights = [1.5, 1.3, 1.2, 1.2, 1.4, grey, grey, 0.3, 0.3, 0.3]
    return Person(
        gender=gender,
        age=age,
        skin=float(rng.uniform(0, 1)),
        tint=float(rng.uniform(-1, 1)),
        hair=pick(rng, HAIR_STYLES, style_weights),
        hair_colour=pick(rng, HAIR_COLOURS, colour_weights),
        hair_shade=float(rng.uniform(0.8, 1.2)),
        width=float(rng.uniform(0.67, 0.82)),
        jaw=float(rng.uniform(1.9, 3.2) if man else rng.uniform(1.7, 2.6)),
        eyes=pick(rng, EYE_COLOURS),
        eye_size=float(rng.uniform(0.85, 1.25)),
        eye_gap=float(rng.uniform(0.29, 0.38)),
        eye_slant=float(rng.uniform(-0.22, 0.22)),
        brow=float(rng.uniform(0.035, 0.085) if man else rng.uniform(0.022, 0.06)),
        brow_arch=float(rng.uniform(0.0, 0.10)),
        nose=float(rng.uniform(0.15, 0.30)),
        nose_width=float(rng.uniform(0.085, 0.16)),
        nose_length=float(rng.uniform(0.34, 0.46)),
        mouth=float(rng.uniform(0.22, 0.33)),
        lips=float(rng.uniform(0.05, 0.12)),
        beard=pick(rng, BEARDS, [1.4, 1, 1, 1, 1.1]) if man else "none",
        freckles=float(rng.choice([0, 0, 0, 0.6, 1.0])),
        mole=random_mole(rng) if rng.random() < 0.3 else None,
    )


def random_mole(rng: np.random.Generator) -> tuple[float, float]:
    """Where it is on the face, x y."""
    return float(rng.uniform(-0.42, 0.42)), float(rng.choice([0.30, 0.74, -0.36]))


def random_scene(
    rng: np.random.Generator, *, style: str | None = "photorealistic", turn: float = 1.0, framed: bool = False
) -> Scene:
    """A scene for any person.

    `style=None` picks a random style. `turn` scales the head's yaw (1: up to 35 degrees). `framed` frames the
    head as in a portrait, see `framed_scene`.
    """
    if style is None:
        style = "photorealistic" if rng.random() < 0.44 else pick(rng, STYLES[1:])
    scene = Scene(
        background=pick(rng, BACKGROUNDS, [2, 1, 1, 1, 1, 1, 1, 1]),
        backdrop=pick(rng, COLOURS),
        clothes=pick(rng, CLOTHES),
        colour=pick(rng, COLOURS),
        light=pick(rng, LIGHTS, [1.6, 1, 1, 1, 1]),
        expression=pick(rng, EXPRESSIONS),
        glasses=pick(rng, GLASSES, [2, 0.5, 0.5]),
        hat=pick(rng, HATS, [3.2, 0.6, 0.6, 0.6]),
        hat_colour=pick(rng, COLOURS),
        style=style,
        yaw=float(np.clip(rng.normal(0, 15), -35, 35)) * turn,
        pitch=float(np.clip(rng.normal(0, 5), -11, 11)),
        roll=float(np.clip(rng.normal(0, 5), -13, 13)),
        size=float(rng.uniform(0.52, 0.68)),
        dx=float(rng.uniform(-0.10, 0.10)),
        dy=float(rng.uniform(-0.10, 0.04)),
        side=int(rng.choice([-1, 1])),
        arrangement=int(rng.integers(1 << 30)),
    )
    return framed_scene(scene, rng) if framed else scene


def framed_scene(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene with the head upright and at a nearly fixed position.

    Two of three heads face the camera; the others turn so far that the caption names it. A small base does
    not need to learn variations that no prompt asks for.
    """
    if rng.random() < 1 / 3:
        yaw = rng.choice([-1, 1]) * rng.uniform(TURNED + 2, 26)
    else:
        yaw = np.clip(rng.normal(0, 4), -8, 8)
    return replace(
        scene,
        yaw=float(yaw),
        pitch=float(np.clip(rng.normal(0, 2), -4, 4)),
        roll=float(np.clip(rng.normal(0, 2), -4, 4)),
        size=float(rng.uniform(0.61, 0.64)),
        dx=float(rng.uniform(-0.02, 0.02)),
        dy=float(rng.uniform(-0.12, -0.09)),
    )


def truth(person: Person, scenes: list[Scene]) -> dict[str, Any]:
    """The attributes of a person and of scenes, as plain data."""
    return {"person": asdict(person), "scenes": [asdict(s) for s in scenes]}


def varied_scenes(rng: np.random.Generator, count: int) -> list[Scene]:
    """Scenes like a careful user's photos: photorealistic, no hat, varied backgrounds and expressions."""
    scenes = []
    for i in range(count):
        scene = random_scene(rng)
        scenes.append(
            replace(
                scene,
                hat="none",
                glasses="none" if i % 4 else scene.glasses,
                background=BACKGROUNDS[i % len(BACKGROUNDS)],
                expression=EXPRESSIONS[i % len(EXPRESSIONS)],
            )
        )
    return scenes
