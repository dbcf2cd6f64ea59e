"""Makes the pages' example pictures: `python -m bench.examples` draws the wizard's good and bad example
photos into static/examples/. The landing page's pictures are those of bench/landing.py.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ml.drawn.people import Person, Scene, random_person
from ml.drawn.portraits import draw

FOLDER = Path(__file__).resolve().parent.parent / "static" / "examples"
DRAWN, SHOWN = 480, 240  # px: shown at half size, for screens with two device pixels per CSS pixel

GOOD = {
    "front": Scene(background="park", clothes="t-shirt", colour="green", expression="neutral", size=0.6),
    "side": Scene(background="office", clothes="suit", colour="blue", expression="neutral", yaw=30, size=0.6),
    "smile": Scene(
        background="beach", clothes="striped shirt", colour="red", expression="smiling", yaw=-14, size=0.58
    ),
    "indoors": Scene(
        background="library", clothes="turtleneck", colour="orange", expression="laughing", light="warm"
    ),
}
PLAIN = Scene(background="office", clothes="hoodie", colour="grey", expression="smiling", size=0.6)


def photo(person: Person, scene: Scene, width: int = DRAWN) -> Image.Image:
    return Image.fromarray(draw(person, scene, DRAWN, width))


def bad(someone: Person, other: Person) -> dict[str, Image.Image]:
    pair = Image.new("RGB", (DRAWN, DRAWN))
    for i, person in enumerate((someone, other)):
        half = photo(person, replace(PLAIN, size=0.62)).crop((DRAWN // 4, 0, DRAWN * 3 // 4, DRAWN))
        pair.paste(half, (i * DRAWN // 2, 0))
    hidden = photo(someone, replace(PLAIN, glasses="square", hat="beanie", hat_colour="grey"))
    ImageDraw.Draw(hidden).rounded_rectangle(
        (168, 262, 312, 380), 44, fill="#cfe0ea"
    )  # a mask over nose and mouth
    dark = photo(someone, replace(PLAIN, light="back")).point(lambda v: int(v * 0.3))
    blurred = photo(someone, PLAIN).filter(ImageFilter.GaussianBlur(8))
    return {"several": pair, "hidden": hidden, "blurred": blurred, "dark": dark}


def main() -> int:
    someone, other = (
        random_person(np.random.default_rng([seed, 0])) for seed in (6, 31)
    )  # she is the demo's
    FOLDER.mkdir(exist_ok=True)
    made = {name: photo(someone, scene) for name, scene in GOOD.items()} | bad(someone, other)
    for name, picture in made.items():
        picture.resize((SHOWN, SHOWN), Image.Resampling.LANCZOS).save(
            FOLDER / f"{name}.webp", quality=78, method=6
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
