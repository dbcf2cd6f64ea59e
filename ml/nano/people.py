"""Who is drawn and where: the traits of a person, the scene around them, and the caption that says it.

A person is a vector of traits, a scene is everything that may change from photo to photo. Both are drawn from a seeded
generator, rare traits as often as common ones, so that what is learnt from the drawings does not forget the rare.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ml.types import STYLES


def f32(values: Any) -> np.ndarray:
    """Colours and the like as float32: numpy's own float64 would make everything it meets twice as wide."""
    return np.asarray(values, np.float32)


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
EYE_COLOURS = {
    "brown": (0.33, 0.18, 0.08),
    "blue": (0.22, 0.46, 0.80),
    "green": (0.22, 0.52, 0.27),
    "grey": (0.46, 0.52, 0.57),
    "hazel": (0.52, 0.37, 0.13),
    "dark": (0.12, 0.08, 0.06),
}
BEARDS = ("none", "stubble", "moustache", "goatee", "beard")
COLOURS = {
    "red": (0.78, 0.13, 0.14),
    "blue": (0.13, 0.32, 0.74),
    "green": (0.14, 0.50, 0.26),
    "yellow": (0.95, 0.78, 0.17),
    "orange": (0.93, 0.49, 0.12),
    "purple": (0.47, 0.22, 0.66),
    "pink": (0.93, 0.53, 0.67),
    "white": (0.93, 0.93, 0.92),
    "black": (0.09, 0.09, 0.10),
    "grey": (0.50, 0.51, 0.53),
}
BACKGROUNDS = ("studio", "office", "library", "park", "beach", "city", "sunset", "mountains")
CLOTHES = ("t-shirt", "suit", "hoodie", "turtleneck", "striped shirt", "leather jacket", "dress")
EXPRESSIONS = ("neutral", "smiling", "laughing", "surprised")
GLASSES = ("none", "round", "square")
HATS = ("none", "cap", "beanie", "hat")
LIGHTS = ("soft", "side", "warm", "cool", "back")
TURNED = 10.0  # degrees from which a head counts as looking to a side


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
    nose: float  # how far it stands out
    nose_width: float
    nose_length: float
    mouth: float  # half its width
    lips: float  # fullness
    beard: str
    freckles: float
    mole: tuple[float, float] | None


@dataclass(frozen=True)
class Scene:
    """All that is not the person. Angles in degrees; `size` is half the head's height in half frames."""

    background: str = "studio"
    backdrop: str = "grey"  # the colour of the studio's wall
    clothes: str = "t-shirt"
    colour: str = "blue"
    light: str = "soft"
    expression: str = "neutral"
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
    arrangement: int = 0  # seeds what stands in the background


def _pick(rng: np.random.Generator, names: Any, weights: Any = None) -> str:
    names = list(names)
    p = None if weights is None else np.asarray(weights, float) / np.sum(weights)
    return names[int(rng.choice(len(names), p=p))]


def random_person(rng: np.random.Generator) -> Person:
    """An adult nobody knows. Traits are independent but for what would look odd (beards, grey hair, brows)."""
    gender = _pick(rng, ("woman", "man"))
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
        hair=_pick(rng, HAIR_STYLES, style_weights),
        hair_colour=_pick(rng, HAIR_COLOURS, colour_weights),
        hair_shade=float(rng.uniform(0.8, 1.2)),
        width=float(rng.uniform(0.67, 0.82)),
        jaw=float(rng.uniform(1.9, 3.2) if man else rng.uniform(1.7, 2.6)),
        eyes=_pick(rng, EYE_COLOURS),
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
        beard=_pick(rng, BEARDS, [1.4, 1, 1, 1, 1.1]) if man else "none",
        freckles=float(rng.choice([0, 0, 0, 0.6, 1.0])),
        mole=(float(rng.uniform(-0.42, 0.42)), float(rng.choice([0.30, 0.74, -0.36])))
        if rng.random() < 0.3
        else None,
    )


def random_scene(
    rng: np.random.Generator, *, style: str | None = "photorealistic", turn: float = 1.0, framed: bool = False
) -> Scene:
    """A scene for any person; `style=None` draws one of all, `turn` scales how far heads turn (1: up to 35 degrees).

    `framed` is what a portraitist would do: the head in its place within a few hundredths, upright, facing the camera in two
    of three and else turned so far that the caption says it. What nobody asks for, a small base need not guess.
    """
    if style is None:
        style = "photorealistic" if rng.random() < 0.44 else _pick(rng, STYLES[1:])
    scene = Scene(
        background=_pick(rng, BACKGROUNDS, [2, 1, 1, 1, 1, 1, 1, 1]),
        backdrop=_pick(rng, COLOURS),
        clothes=_pick(rng, CLOTHES),
        colour=_pick(rng, COLOURS),
        light=_pick(rng, LIGHTS, [1.6, 1, 1, 1, 1]),
        expression=_pick(rng, EXPRESSIONS),
        glasses=_pick(rng, GLASSES, [2, 0.5, 0.5]),
        hat=_pick(rng, HATS, [3.2, 0.6, 0.6, 0.6]),
        hat_colour=_pick(rng, COLOURS),
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
    if not framed:
        return scene
    turned = rng.random() < 1 / 3
    return replace(
        scene,
        yaw=float(
            rng.choice([-1, 1]) * rng.uniform(TURNED + 2, 26) if turned else np.clip(rng.normal(0, 4), -8, 8)
        ),
        pitch=float(np.clip(rng.normal(0, 2), -4, 4)),
        roll=float(np.clip(rng.normal(0, 2), -4, 4)),
        size=float(rng.uniform(0.61, 0.64)),
        dx=float(rng.uniform(-0.02, 0.02)),
        dy=float(rng.uniform(-0.12, -0.09)),
    )


# How a scene may be said. The first of each is the plain word that prompts are completed with.
SAY: dict[str, dict[str, tuple[str, ...]]] = {
    "style": {
        "photorealistic": (
            "photo",
            "photograph",
            "photorealistic portrait",
            "realistic photo",
            "portrait photo",
        ),
        "cinematic": ("cinematic film still", "movie scene", "cinematic portrait", "film still"),
        "artistic": ("oil painting", "artistic painting", "painted portrait", "artistic portrait"),
        "anime": ("anime drawing", "anime portrait", "manga style drawing", "anime style"),
        "vintage": ("vintage photo", "old sepia photo", "vintage portrait", "retro photo"),
        "noir": ("film noir", "black and white noir", "noir portrait", "monochrome noir photo"),
        "watercolour": ("watercolour", "watercolor painting", "watercolour portrait", "watercolour on paper"),
        "fantasy": ("fantasy art", "magical fantasy portrait", "fantasy scene", "enchanted fantasy art"),
    },
    "background": {
        "office": ("in an office", "at work in an office", "office background", "in the office"),
        "library": ("in a library", "in front of bookshelves", "among books", "library background"),
        "park": ("in a park", "in a green garden", "in the forest", "outdoors among trees", "in nature"),
        "beach": ("on a beach", "by the sea", "at the seaside", "on the sand by the ocean"),
        "city": (
            "in the city at night",
            "on a street with city lights",
            "city lights at night",
            "downtown at night",
        ),
        "sunset": ("at sunset", "on a rooftop at sunset", "under an evening sky", "at dusk", "golden sunset"),
        "mountains": (
            "in the mountains",
            "in front of snowy mountains",
            "on a mountain",
            "snow and mountains",
        ),
    },
    "clothes": {
        "t-shirt": ("{} t-shirt", "{} tee shirt", "{} tshirt"),
        "suit": ("{} suit and tie", "{} business suit", "{} suit", "{} blazer"),
        "hoodie": ("{} hoodie", "{} hooded sweatshirt"),
        "turtleneck": ("{} turtleneck", "{} sweater", "{} pullover", "{} roll neck sweater"),
        "striped shirt": ("{} striped shirt", "{} and white striped shirt", "striped {} sailor shirt"),
        "leather jacket": ("{} leather jacket", "{} biker jacket", "{} jacket"),
        "dress": ("{} dress", "{} summer dress", "{} tank top"),
    },
    "expression": {
        "neutral": ("neutral expression", "serious", "serious look", "calm face"),
        "smiling": ("smiling", "with a smile", "happy smile", "friendly smile"),
        "laughing": ("laughing", "laughing out loud", "with a big laugh", "big open smile"),
        "surprised": ("surprised", "looking surprised", "astonished", "amazed with open mouth"),
    },
    "glasses": {
        "round": ("wearing round glasses", "with round glasses", "round spectacles", "wearing glasses"),
        "square": ("wearing square glasses", "with square glasses", "square spectacles"),
    },
    "hat": {
        "cap": ("wearing a {} cap", "{} baseball cap", "in a {} cap"),
        "beanie": ("wearing a {} beanie", "{} knitted beanie", "in a {} woolly hat"),
        "hat": ("wearing a {} hat", "{} sun hat", "in a {} wide brimmed hat"),
    },
    "light": {
        "soft": ("soft light", "studio light", "even light", "daylight"),
        "side": ("side light", "dramatic side light", "light from the side"),
        "warm": ("warm light", "golden light", "candle light"),
        "cool": ("cool light", "blue light", "moonlight"),
        "back": ("backlight", "rim light", "light from behind"),
    },
}

_HAIR_WORDS = {
    "bald": ("bald", "no hair"),
    "buzz": ("buzz cut {} hair", "very short {} hair"),
    "short": ("short {} hair",),
    "parted": ("side parted {} hair", "short {} hair with a side parting"),
    "quiff": ("{} quiff", "{} hair combed up"),
    "curly": ("curly {} hair",),
    "afro": ("{} afro", "big {} afro hair"),
    "bob": ("{} bob", "chin length {} hair"),
    "long": ("long {} hair", "long straight {} hair"),
    "wavy": ("wavy {} hair", "long wavy {} hair"),
    "bun": ("{} hair in a bun", "{} bun"),
}


def _traits(person: Person, rng: np.random.Generator) -> list[str]:
    words = [_pick(rng, _HAIR_WORDS[person.hair]).format(person.hair_colour)]
    skin = ("fair skin", "light skin", "tanned skin", "brown skin", "dark skin")[min(int(person.skin * 5), 4)]
    words += [skin] if rng.random() < 0.7 else []
    words += [f"{person.eyes} eyes"] if rng.random() < 0.5 else []
    if person.beard != "none":
        words.append({"beard": "full beard"}.get(person.beard, person.beard))
    if person.freckles and rng.random() < 0.8:
        words.append("freckles")
    if person.age > 0.75 and rng.random() < 0.7:
        words.append("old")
    return words


def _scene_words(scene: Scene, rng: np.random.Generator, keep: float) -> list[str]:
    parts = [_pick(rng, SAY["expression"][scene.expression])]
    if scene.background == "studio":
        wall = _pick(
            rng, ("plain {} background", "in a studio with a {} backdrop", "{} background", "{} wall")
        )
        parts.append(wall.format(scene.backdrop))
    else:
        parts.append(_pick(rng, SAY["background"][scene.background]))
    wear = _pick(rng, SAY["clothes"][scene.clothes]).format(scene.colour)
    parts.append(_pick(rng, ("wearing a {}", "in a {}", "{}")).format(wear))
    parts.append(_pick(rng, SAY["light"][scene.light]))
    # What is left unsaid is mostly the usual thing, so that a prompt that does not name it gets that.
    usual = (scene.expression == "neutral", False, False, scene.light == "soft")
    parts = [
        p
        for p, u in zip(parts, usual, strict=True)
        if rng.random() < (keep if not u else keep - 0.4 * (keep < 1))
    ]
    if scene.glasses != "none":
        parts.append(_pick(rng, SAY["glasses"][scene.glasses]))
    if scene.hat != "none":
        parts.append(_pick(rng, SAY["hat"][scene.hat]).format(scene.hat_colour))
    if abs(scene.yaw) > TURNED:
        parts.append("looking right" if scene.yaw > 0 else "looking left")
    return [parts[i] for i in rng.permutation(len(parts))]


# Words that prompts are full of and that change nothing here: learnt so that they do no harm.
FILLERS = (
    "highly detailed",
    "high quality",
    "sharp focus",
    "professional",
    "headshot",
    "4k",
    "8k",
    "masterpiece",
    "beautiful",
    "looking at the camera",
    "bokeh",
    "close up",
    "head and shoulders",
    "award winning",
    "elegant",
    "handsome",
    "my",
    "best quality",
    "cheerful",
    "confident",
    "linkedin profile picture",
    "selfie",
    "standing",
    "sitting",
    "modern",
)


def caption(
    scene: Scene,
    rng: np.random.Generator,
    *,
    person: Person | None = None,
    subject: str | None = None,
    keep: float = 0.95,
) -> str:
    """What the picture shows, in one of many ways of saying it. With `subject` ("ohwx woman") the face's own traits
    are left out; `keep` is the share of optional parts that stay."""
    style = _pick(rng, SAY["style"][scene.style])
    if subject is None:
        assert person is not None
        subject = person.gender if rng.random() < 0.8 else "person"
        words = _traits(person, rng)
        article = _pick(rng, ("a", "one", ""))
        subject = (
            f"{article} {subject} with {', '.join(words)}" if rng.random() < 0.9 else f"{article} {subject}"
        )
    head = _pick(rng, ("{} of {}", "{} of {}", "{}, portrait of {}", "{}, {}")).format(style, subject.strip())
    parts = _scene_words(scene, rng, keep)
    for _ in range(int(rng.choice(3, p=(0.75, 0.17, 0.08)))):
        parts.insert(int(rng.integers(len(parts) + 1)), _pick(rng, FILLERS))
    return ", ".join([head, *parts])


def plain_caption(scene: Scene, subject: str) -> str:
    """The scene in the first word of each list: the same for the same scene, for references and tests."""
    say = SAY
    wall = (
        f"{scene.backdrop} background"
        if scene.background == "studio"
        else say["background"][scene.background][0]
    )
    wear = say["clothes"][scene.clothes][0].format(scene.colour)
    parts = [
        f"{say['style'][scene.style][0]} of {subject}",
        say["expression"][scene.expression][0],
        wall,
        f"wearing a {wear}",
    ]
    if scene.glasses != "none":
        parts.append(say["glasses"][scene.glasses][0])
    if scene.hat != "none":
        parts.append(say["hat"][scene.hat][0].format(scene.hat_colour))
    return ", ".join([*parts, say["light"][scene.light][0]])


def truth(person: Person, scenes: list[Scene]) -> dict[str, Any]:
    """What was drawn, as plain data."""
    return {"person": asdict(person), "scenes": [asdict(s) for s in scenes]}


def varied_scenes(rng: np.random.Generator, count: int) -> list[Scene]:
    """Photos as a careful user takes them: photographic, no hat, backgrounds and expressions in turn."""
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
