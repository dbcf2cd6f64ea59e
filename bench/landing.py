"""Remakes the landing page's pictures in one go: `python -m bench.landing`.

Draws photos of a person who does not exist, trains her twin on the engine that runs here, renders four
scenes in four styles, and keeps of each scene the picture that shows her best. They go to static/landing/,
which the page shows at half of their size; her LoRA ships as the demonstration person (ml/demonstration.py).
Takes a quarter of an hour on two cores; photos and twin stay in out/landing/, so a second run only renders.
Run it again after new weights, with --fresh.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from PIL import Image

from ml import __main__ as ml
from ml import demonstration
from ml.catalogue import BASES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "static" / "landing"
WORK = ROOT / "out" / "landing"
PERSON, PHOTOS = 24, 12  # the seed of the drawn person, and how many photos the twin learns from
SHOWN = (0, 3, 5, 7)  # the photos that the page shows
SIDE, PHOTO_SIDE = 512, 160  # px of a picture and a photo; the page shows both at half of it
TRIES = 4
SCENES = {
    "park": ("photorealistic", "in a park, smiling, wearing a red hoodie"),
    "city": ("cinematic", "in the city at night, laughing, warm light, wearing a yellow leather jacket"),
    "beach": ("anime", "on a beach, laughing, wearing a yellow t-shirt"),
    "mountains": ("watercolour", "in the mountains, smiling, wearing a blue turtleneck"),
}


def asked(*words: object) -> Any:
    """What a command of `python -m ml` answers."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = ml.main([str(word) for word in (*words, "--json")])
    if code:
        raise SystemExit(code)
    return json.loads(said.getvalue())


def twin() -> Path:
    """The LoRA file of the twin, trained when it is not there."""
    found = sorted((WORK / "twin").rglob("lora.safetensors"))
    if not found:
        asked("people", "--count", 1, "--photos", PHOTOS, "--seed", PERSON, "--out", WORK / "people")
        photos = sorted((WORK / "people" / "person-000").glob("*.jpg"))
        style, prompt = SCENES["park"]
        like = ("--style", style, "--prompt", prompt, "--count", 1, "--threads", 1, "--out", WORK / "twin")
        asked("twin", *photos, "--subject", "woman", *like)
        found = sorted((WORK / "twin").rglob("lora.safetensors"))
    return found[0]


def best(lora: Path, name: str) -> Image.Image:
    """Of TRIES pictures of a scene, the one that shows the person best."""
    style, prompt = SCENES[name]
    like = ("--quality", "high", "--aspect", "1:1", "--count", TRIES, "--seed", 7, "--out", WORK / name)
    rows = asked("render", "--twin", lora, "--subject", "woman", "--style", style, "--prompt", prompt, *like)
    row = max(rows, key=lambda row: row.get("avatar_shown") or row.get("likeness") or 0)
    return Image.open(WORK / name / Path(row["path"]).name).convert("RGB")


def save(picture: Image.Image, name: str, side: int) -> None:
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    picture.save(FOLDER / f"{name}.webp", quality=84, method=6)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fresh", action="store_true", help="draw and train once more")
    if parser.parse_args().fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    FOLDER.mkdir(exist_ok=True)
    lora = twin()
    demonstration.FILE.write_bytes(demonstration.stamped(lora.read_bytes(), BASES[demonstration.BASE]))
    for i, n in enumerate(SHOWN):
        photo = Image.open(WORK / "people" / "person-000" / f"photo-{n:02d}.jpg").convert("RGB")
        side = min(photo.size)
        save(photo.crop((0, 0, side, side)), f"photo-{i}", PHOTO_SIDE)
    for name in SCENES:
        save(best(lora, name), name, SIDE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
