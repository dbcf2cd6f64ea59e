"""Measures clips of the built-in engine: `python -m bench.video [--people 20] [--clips 3] [--pictures 4]
[--sheet PNG]`.

First clips that are moved by geometry, of pictures that are not the engine's own. Each movement against the
ground truth of drawn people: the same person and scene drawn with the movement at its end. Printed by
movement, on the head: the share of the difference to the picture that is made (1: it makes just what the
drawing program draws; 0: nothing), how often the made frame lies nearer to the right drawing than to the
picture and to the drawings of all other movements, and how often a smile is read. Then,
for whole clips through the engine's door, from a drawing and the vectors of eight other drawings of the
person: the share of the looked-at frames that are recognised, how often the watermark is read in single
frames, after encoding and after encoding again at CRF 28, the file's size, steadiness, and seconds of
processor time and of the clock. The people's numbers are none of any training.

Then clips of the engine's own pictures, which it draws: pictures rendered from prompts, each moved by every
word and read back from its MP4. The frames in which a movement is at its ends are compared in the same way
with what the drawing program draws there.

Exits 1, with a sentence for each, where a clip has fewer recognised frames, more bytes or more seconds on the
clock than wanted, or where a movement of an own picture is not seen as it.
"""

from __future__ import annotations

import argparse
import json
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
from ml.drawn.drawing import Drawing, from_facts, moved
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
WANTED = {"recognised": 0.9, "megabytes": 3.0, "seconds": 60.0}  # at least, at most, at most
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

# The engine's own pictures.
PROMPTS = (
    "a woman with curly black hair, in a library",
    "a man with a grey beard, on a beach at sunset",
    "a woman with red hair and glasses, in a garden, watercolour",
    "a man with short brown hair, in an office, professional headshot",
    "an old woman with white hair, by a window",
    "a young man with blond hair, in a park, pencil drawing",
)
OF_WORD = {"walk_the_light": "light"}  # the level of a word that has another name
AT_END = 0.8  # of the level, from which a frame shows the movement's end


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


class Files:
    """A store that holds the picture of a clip, and what it is a drawing of."""

    def __init__(self, **files: bytes):
        self.files = files

    def read(self, name: str) -> bytes:
        return self.files[name]

    def write(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def exists(self, name: str) -> bool:
        return name in self.files

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


def whole_clips(count: int, engine: LocalEngine, sheet: list[np.ndarray], faults: list[str]) -> None:
    for number in range(count):
        person, scene = someone(100 + number)
        embedder, photos = vectors(person, number, engine.faces)
        store = Files(first=media.encode_png(draw(person, scene, SIDE, SIDE)))
        for motion in MOTIONS:
            first = RenderSpec("", reference="first")
            spec = AnimateSpec(first, motion=motion, seed=number, references=photos, embedder=embedder)
            clip = made(spec, number, engine, store, faults)
            if clip:
                sheet.append(np.hstack(list(clips.decode(clip.mp4, every=9))))


def made(spec: AnimateSpec, number: int, engine: LocalEngine, store: Files, faults: list[str]) -> Clip | None:
    """The clip, described in a line; None where the engine refuses it."""
    before, clock = seconds(), time.monotonic()
    try:
        clip = engine.animate(spec, store=store)
    except MLError as e:
        print(f"{number} {spec.motion:15} {e.code}", flush=True)
        return None
    used = (seconds() - before, time.monotonic() - clock)
    frames = list(clips.decode(clip.mp4))
    known = recognised(frames, spec, engine.faces)
    words = f"recognised {known:.2f}  {described(clip, frames)}"
    print(f"{number} {spec.motion:15} {words}  {used[0]:5.1f} s of a core, {used[1]:5.1f} s", flush=True)
    if known < WANTED["recognised"] or used[1] > WANTED["seconds"] or megabytes(clip) > WANTED["megabytes"]:
        faults.append(f"{spec.motion} of {number} misses what is wanted")
    return clip


def recognised(frames: list[np.ndarray], spec: AnimateSpec, faces: Faces) -> float:
    """The share of the looked-at frames."""
    shown = finish_clip.measure(frames, finish_clip.photos_of(spec, {}), faces)
    return sum(one >= FLOOR for one in shown.alike) / len(clips.sampled(frames, finish_clip.EVERY))


def megabytes(clip: Clip) -> float:
    return len(clip.mp4) / 1e6


def described(clip: Clip, frames: list[np.ndarray]) -> str:
    clips.OPTIONS["crf"], usual = "28", clips.OPTIONS["crf"]
    again = list(clips.decode(clips.encode(frames)))
    clips.OPTIONS["crf"] = usual
    read = [np.mean([watermark.read(f) == clip.mark for f in some[::12]]) for some in (frames, again)]
    return (
        f"likeness {clip.likeness} low {clip.likeness_low} holds {clip.holds}"
        f"  steady {clip.steadiness}  mark {read[0]:.2f} {read[1]:.2f}  {megabytes(clip):.2f} MB"
    )


# ---------------------------------------------------------------- clips of the engine's own pictures


def drawn_clips(count: int, engine: LocalEngine, sheet: list[np.ndarray], faults: list[str]) -> None:
    """Of pictures from prompts. The twin's photos are eight other drawings of the person in each."""
    told: dict[str, list[tuple[float, bool]]] = {name: [] for name in ENDS}
    for number, prompt in enumerate(PROMPTS[:count]):
        picture = next(engine.render(RenderSpec(prompt, seed=number)))
        drawing = from_facts(picture.drawing or {})
        if drawing is None:
            print(f"{number} is no drawing")
            continue
        embedder, photos = vectors(drawing[0], number, engine.faces)
        store = Files(first=picture.png, drawing=json.dumps(picture.drawing).encode())
        for motion in MOTIONS:
            spec = AnimateSpec(
                RenderSpec("", reference="first"),
                motion=motion,
                seed=number,
                references=photos,
                embedder=embedder,
                drawing="drawing",
            )
            if clip := made(spec, number, engine, store, faults):
                frames = list(clips.decode(clip.mp4))
                sheet.append(np.hstack(frames[::9]))
                for name, how in seen(frames, spec, drawing, engine.faces).items():
                    told[name].append(how)
    for name, rows in told.items():
        if rows:
            print(f"{name:12} seen as it {np.mean([right for _share, right in rows]):.2f} of {len(rows)}")
        faults += [f"{name} of an own picture is not seen as it" for _share, right in rows if not right]


def print_told(told: dict[str, list[tuple[float, bool]]]) -> None:
    for name, rows in told.items():
        if rows:
            shares, right = zip(*rows)
            print(f"{name:12} made {np.median(shares):5.2f}  seen as it {np.mean(right):.2f} of {len(rows)}")


def seen(
    frames: list[np.ndarray], spec: AnimateSpec, drawing: Drawing, faces: Faces
) -> dict[str, tuple[float, bool]]:
    """By end of the movement: as `judged`, of the frame that is nearest to that end."""
    person, scene = drawing
    face = faces.find(frames[0])[0]
    height, width = frames[0].shape[:2]
    still, *truths = (draw(person, moved(scene, of), height, width) for of in ({}, *ENDS.values()))
    word = OF_WORD.get(spec.motion, spec.motion)
    gone = moving.levels_of(spec, spec.seed)[:, LEVELS.index(word)]
    found = {}
    for i, (name, of) in enumerate(ENDS.items()):
        at = int(np.argmax(gone * of.get(word, 0.0)))
        if word in of and gone[at] * of[word] >= AT_END:
            found[name] = judged(still, face, frames[at], truths, i)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--clips", type=int, default=3, help="people of whom every movement is made a clip")
    parser.add_argument("--pictures", type=int, default=4, help="of the engine's own, likewise")
    parser.add_argument("--sheet", type=Path, help="a PNG with drawings, made frames and frames of clips")
    args = parser.parse_args()
    print(machine())
    sheet: list[np.ndarray] = []
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as keys:
        engine = LocalEngine("nano", keys=Path(keys), threads=1)
        if args.people:
            told = movements(args.people, engine.faces, sheet)
            print(f"read as a smile: {smiles_read(told.pop('read'))}")
            print_told(told)
        whole_clips(args.clips, engine, sheet, faults)
        drawn_clips(args.pictures, engine, sheet, faults)
    if args.sheet:
        widest = max(one.shape[1] for one in sheet)
        padded = [np.pad(one, ((0, 0), (0, widest - one.shape[1]), (0, 0))) for one in sheet]
        args.sheet.write_bytes(
            media.encode_png(
                cv2.resize(np.vstack(padded), None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA)
            )
        )
    for fault in faults:
        print(fault)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
