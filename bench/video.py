"""Measures clips of the built-in engine: `python -m bench.video [--people 20] [--clips 3] [--sheet PNG]`.

Each movement against the ground truth of drawn people: the same person and scene drawn with the movement at
its end. Printed by movement, on the head: the share of the difference to the picture that is made (1: it
makes just what the drawing program draws; 0: nothing), how often the made frame lies nearer to the right
drawing than to the picture and to the drawings of all other movements, and how often a smile is read. Then,
for whole clips through the engine's door, from a drawing and the vectors of eight other drawings of the
person: the share of the looked-at frames that are recognised, how often the watermark is read in single
frames, after encoding and after encoding again at CRF 28, the file's size, steadiness, and seconds of
processor time and of the clock. The people's numbers are none of any training.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bench.machine import machine
from ml import clips, finish_clip, media, moving, watermark
from ml.animation import AnimateSpec, Clip
from ml.drawn.drawing import moved
from ml.drawn.people import Person, Scene, random_person, random_scene, varied_scenes
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.faces import Faces
from ml.local.engine import LocalEngine
from ml.motions import MOTIONS
from ml.moving import LEVELS
from ml.nets.reader import Reader
from ml.types import Face, RenderSpec

FIRST = 975_000  # number of the first person
SIDE = 512
FLOOR = 0.5  # likeness from which a frame counts as recognised
# Each movement at its ends: name -> levels.
ENDS = {
    "blink": {"blink": 1.0},
    "smile": {"smile": 1.0},
    "turn right": {"turn": 1.0},
    "turn left": {"turn": -1.0},
    "nod down": {"nod": 1.0},
    "nod up": {"nod": -1.0},
    "light right": {"light": 1.0},
    "light left": {"light": -1.0},
}


def levels(of: dict[str, float]) -> np.ndarray:
    return np.array([of.get(name, 0.0) for name in LEVELS], np.float32)


def someone(number: int) -> tuple[Person, Scene]:
    """A person in a portrait, photorealistic, neither laughing nor surprised: a smile can be seen."""
    rng = np.random.default_rng(FIRST + number)
    person, scene = random_person(rng), random_scene(rng, framed=True)
    calm = "smiling" if scene.expression == "laughing" else "neutral"
    return person, replace(scene, expression=calm, yaw=float(np.clip(scene.yaw, -12, 12)))


def near(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> float:
    return float((np.abs(a.astype(np.float32) - b).mean(2) * weight).sum())


def movements(people: int, faces: Faces, sheet: list[np.ndarray]) -> dict[str, list[tuple[float, bool]]]:
    """By movement, for each person: (the share of the difference that is made, whether it is recognised)."""
    told: dict[str, list[tuple[float, bool]]] = {name: [] for name in (*ENDS, "read")}
    for number in range(people):
        person, scene = someone(number)
        picture = draw(person, scene, SIDE, SIDE)
        found = faces.find(picture)
        if not found:
            continue
        truths = [draw(person, moved(scene, of), SIDE, SIDE) for of in ENDS.values()]
        made = moving.frames(picture, found[0], np.stack([levels(of) for of in ENDS.values()]))
        if number < 4:
            sheet += [np.hstack([picture, *truths]), np.hstack([picture, *made])]
        told["read"] += [(float(expression(one)), True) for one in (picture, truths[1], made[1])]
        for i, name in enumerate(ENDS):
            told[name].append(judged(picture, found[0], made[i], truths, i))
    return told


def expression(picture: np.ndarray) -> bool:
    """Whether the net that captions photos sees a smile."""
    return reader().read([picture])[0]["expression"][0] in ("smiling", "laughing")


@cache
def reader() -> Reader:
    return Reader.open()


def smiles_read(told: list[tuple[float, bool]]) -> str:
    """Of the people who did not smile before: in how many drawings and made frames the net sees a smile."""
    before, drawn, made = (np.array([seen for seen, _ in told[i::3]], bool) for i in range(3))
    calm = ~before
    return f"{drawn[calm].mean():.2f} of {calm.sum()} drawings, {made[calm].mean():.2f} of the made frames"


def judged(
    picture: np.ndarray, face: Face, made: np.ndarray, truths: list[np.ndarray], right: int
) -> tuple[float, bool]:
    """Seen at a quarter of the size: the drawing is sharper than an enlarged frame, which is no movement."""
    small = [
        cv2.resize(one, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        for one in (picture, made, *truths)
    ]
    picture, made, truths = small[0], small[1], small[2:]
    x1, y1, x2, y2 = (v / 4 for v in face.box)
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    away = ((x - (x1 + x2) / 2) / (0.85 * (x2 - x1))) ** 2 + ((y - (y1 + y2) / 2) / (0.85 * (y2 - y1))) ** 2
    head = (away < 1).astype(np.float32)
    moves = near(picture, truths[right], head)
    share = 1 - near(made, truths[right], head) / max(moves, 1e-6)
    far = [near(made, one, head) for one in (*truths, picture)]
    return share, int(np.argmin(far)) == right


# ---------------------------------------------------------------- whole clips


class OneFile:
    """A store that holds the picture of a clip."""

    def __init__(self, data: bytes):
        self.data = data

    def read(self, name: str) -> bytes:
        return self.data

    def write(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def exists(self, name: str) -> bool:
        return True

    def delete(self, name: str) -> None:
        raise NotImplementedError


def vectors(person: Person, number: int, faces: Faces) -> tuple[str, tuple[tuple[float, ...], ...]]:
    """The vectors of other drawings of a person: what a twin's file has of the photos."""
    found = []
    for scene in varied_scenes(np.random.default_rng([FIRST, number]), 8):
        found += faces.describe(draw(person, replace(scene, glasses="none"), 768, 768))[:1]
    name = found[0].embedder
    return name, tuple(tuple(float(v) for v in one.vector) for one in found if one.embedder == name)


def seconds() -> float:
    """Processor time of this process and of its ended children."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def whole_clips(count: int, engine: LocalEngine, sheet: list[np.ndarray]) -> None:
    for number in range(count):
        person, scene = someone(100 + number)
        embedder, photos = vectors(person, number, engine.faces)
        store = OneFile(media.encode_png(draw(person, scene, SIDE, SIDE)))
        for motion in MOTIONS:
            first = RenderSpec("", reference="first.png")
            spec = AnimateSpec(first, motion=motion, seed=number, references=photos, embedder=embedder)
            before, clock = seconds(), time.monotonic()
            try:
                clip = engine.animate(spec, store=store)
            except MLError as e:
                print(f"{number} {motion:15} {e.code}", flush=True)
                continue
            used = (seconds() - before, time.monotonic() - clock)
            print(
                f"{number} {motion:15} {described(clip, photos, embedder, engine.faces)}", end="", flush=True
            )
            print(f"  {used[0]:5.1f} s of a core, {used[1]:5.1f} s", flush=True)
            sheet.append(np.hstack(list(clips.decode(clip.mp4, every=9))))


def described(clip: Clip, photos: tuple[tuple[float, ...], ...], embedder: str, faces: Faces) -> str:
    frames = list(clips.decode(clip.mp4))
    facts = finish_clip.photos_of(AnimateSpec(RenderSpec(""), references=photos, embedder=embedder), {})
    shown = finish_clip.measure(frames, facts, faces)
    known = sum(one >= FLOOR for one in shown.alike) / len(clips.sampled(frames, finish_clip.EVERY))
    clips.OPTIONS["crf"], usual = "28", clips.OPTIONS["crf"]
    again = list(clips.decode(clips.encode(frames)))
    clips.OPTIONS["crf"] = usual
    read = [np.mean([watermark.read(f) == clip.mark for f in some[::12]]) for some in (frames, again)]
    return (
        f"recognised {known:.2f}  likeness {clip.likeness} low {clip.likeness_low} holds {clip.holds}"
        f"  steady {clip.steadiness}  mark {read[0]:.2f} {read[1]:.2f}  {len(clip.mp4) / 1e6:.2f} MB"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--clips", type=int, default=3, help="people of whom every movement is made a clip")
    parser.add_argument("--sheet", type=Path, help="a PNG with drawings, made frames and frames of clips")
    args = parser.parse_args()
    print(machine())
    sheet: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as keys:
        engine = LocalEngine("nano", keys=Path(keys), threads=1)
        told = movements(args.people, engine.faces, sheet)
        smiles = told.pop("read")
        print(f"read as a smile: {smiles_read(smiles)}")
        for name, rows in told.items():
            shares, right = zip(*rows)
            print(f"{name:12} made {np.median(shares):5.2f}  seen as it {np.mean(right):.2f} of {len(rows)}")
        whole_clips(args.clips, engine, sheet)
    if args.sheet:
        widest = max(one.shape[1] for one in sheet)
        padded = [np.pad(one, ((0, 0), (0, widest - one.shape[1]), (0, 0))) for one in sheet]
        args.sheet.write_bytes(
            media.encode_png(
                cv2.resize(np.vstack(padded), None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA)
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
