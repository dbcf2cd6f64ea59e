"""Captions of drawings in varied wording: the base is trained on them."""

from __future__ import annotations

import numpy as np

from ml.drawn.people import TURNED, Person, Scene, pick
from ml.vocabulary import SAY

HAIR_WORDS = {
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
    "tied": ("{} hair tied back",),
    "fringe": ("{} bob with a fringe",),
}
BEARD_WORDS = {"beard": "full beard"}  # the others are called by their names
WALLS = ("plain {} background", "in a studio with a {} backdrop", "{} background", "{} wall")


def _traits(person: Person, rng: np.random.Generator) -> list[str]:
    words = [pick(rng, HAIR_WORDS[person.hair]).format(person.hair_colour)]
    skin = ("fair skin", "light skin", "tanned skin", "brown skin", "dark skin")[min(int(person.skin * 5), 4)]
    words += [skin] if rng.random() < 0.7 else []
    words += [f"{person.eyes} eyes"] if rng.random() < 0.5 else []
    if person.beard != "none":
        words.append(BEARD_WORDS.get(person.beard, person.beard))
    if person.freckles and rng.random() < 0.8:
        words.append("freckles")
    if person.age > 0.75 and rng.random() < 0.7:
        words.append("old")
    return words


def _scene_words(scene: Scene, rng: np.random.Generator, keep: float) -> list[str]:
    parts = [pick(rng, SAY["expression"][scene.expression])]
    if scene.background == "studio":
        parts.append(pick(rng, WALLS).format(scene.backdrop))
    else:
        parts.append(pick(rng, SAY["background"][scene.background]))
    wear = pick(rng, SAY["clothes"][scene.clothes]).format(scene.colour)
    parts.append(pick(rng, ("wearing a {}", "in a {}", "{}")).format(wear))
    parts.append(pick(rng, SAY["light"][scene.light]))
    # Captions mostly omit the usual values, so that a prompt without them gets the usual values.
    usual = (scene.expression == "neutral", False, False, scene.light == "soft")
    parts = [
        p
        for p, u in zip(parts, usual, strict=True)
        if rng.random() < (keep if not u else keep - 0.4 * (keep < 1))
    ]
    if scene.glasses != "none":
        parts.append(pick(rng, SAY["glasses"][scene.glasses]))
    if scene.hat != "none":
        parts.append(pick(rng, SAY["hat"][scene.hat]).format(scene.hat_colour))
    if abs(scene.yaw) > TURNED:
        parts.append("looking right" if scene.yaw > 0 else "looking left")
    return [parts[i] for i in rng.permutation(len(parts))]


# Frequent prompt words without a visible effect here: trained on, so that they do no harm.
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
    """A caption of the picture in random wording. With `subject` ("ohwx woman") it leaves out the face's
    traits. `keep` is the share of optional parts that it keeps."""
    style = pick(rng, SAY["style"][scene.style])
    if subject is None:
        assert person is not None
        subject = person.gender if rng.random() < 0.8 else "person"
        words = _traits(person, rng)
        article = pick(rng, ("a", "one", ""))
        subject = (
            f"{article} {subject} with {', '.join(words)}" if rng.random() < 0.9 else f"{article} {subject}"
        )
    head = pick(rng, ("{} of {}", "{} of {}", "{}, portrait of {}", "{}, {}")).format(style, subject.strip())
    parts = _scene_words(scene, rng, keep)
    for _ in range(int(rng.choice(3, p=(0.75, 0.17, 0.08)))):
        parts.insert(int(rng.integers(len(parts) + 1)), pick(rng, FILLERS))
    return ", ".join([head, *parts])


def plain_caption(scene: Scene, subject: str) -> str:
    """A fixed caption of the scene, with the first phrase of each list: for references and tests."""
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
