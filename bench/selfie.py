"""Measures the live selfie on real faces: `python -m bench.selfie FOLDER [--attacked 5]`.

FOLDER has photographs as for bench.faces. They are stills, so each person's film is made of the neutral
front by bench/turning.py: turns by 22 degrees and more, a look up, closed eyes, grain, JPEG. It is compared
with the person's other photographs and with those of all others. In a second film the turns end with the
real three-quarter views, and the neutral front is the photo. Then the same person's picture is held before
the camera as paper and on a screen (bench/forged.py).

Exits 1 when under 99 % of the owners are accepted, or any stranger or attack is.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench import forged
from bench.machine import machine
from bench.turning import Portrait, turned, with_closed_eyes
from ml import media, selfie
from ml.judge import Judge
from ml.types import Inspection, Movement, SelfieVerdict

A = np.ndarray
LEAST = 0.99
OTHERS = ("smiling_front", "neutral_left_3quarter", "neutral_right_3quarter")
FRAMES = 6
# How far the films turn, look up and close the eyes.
YAWS, PITCHES, CLOSED = (0, 7, 14, 22, 24, 24), (0, 4, 9, 14, 15, 15), (0, 0, 1, 1, 0, 0)


@dataclass(frozen=True)
class Person:
    """One person: the frame from the front, the verdicts on the photographs, the real turned views."""

    name: str
    front: Portrait
    photos: tuple[Inspection, ...]
    neutral: Inspection
    views: dict[str, A]


def person_of(folder: Path, name: str, judge: Judge) -> Person:
    data = {view: (folder / f"{name}_{view}.jpg").read_bytes() for view in ("neutral_front", *OTHERS)}
    frames = {view: before_camera(media.to_array(data[view])) for view in data}
    front = frames["neutral_front"]
    points = np.asarray(judge.faces.find(front)[0].points)
    said = {view: judge.inspect(data[view]) for view in data}
    photos = tuple(said[view] for view in OTHERS)
    return Person(name, Portrait(front, points), photos, said["neutral_front"], frames)


def before_camera(picture: A) -> A:
    """(480, 640, 3): the middle of a square portrait."""
    return np.ascontiguousarray(media.within(picture, 640)[70:550])


@dataclass(frozen=True)
class Camera:
    """`light`: of the pictures' own; `grain`: deviation of the noise, of 255; `near`: 1 fills the frame with
    head and shoulders; `quality` of the JPEG."""

    light: float = 1.0
    grain: float = 3.0
    near: float = 1.0
    quality: int = 82

    def frame(self, picture: A, number: int) -> bytes:
        """A frame as a browser sends it."""
        if self.near != 1:
            picture = forged.laid(picture, self.place(picture), forged.room(480, 640, 0))
        grain = np.random.default_rng([22, number]).normal(0, self.grain, picture.shape)
        seen = np.clip(picture * self.light + grain, 0, 255).astype(np.uint8)
        return media.encode_jpeg(seen, self.quality)

    def place(self, picture: A) -> A:
        """The picture smaller, in the middle of the frame's lower edge."""
        height, width = picture.shape[:2]
        shift = ((1 - self.near) * width / 2, (1 - self.near) * height)
        return np.array([[self.near, 0, shift[0]], [0, self.near, shift[1]], [0, 0, 1]])


CAMERAS = {
    "a good camera": Camera(),
    "by a lamp in the evening": Camera(light=0.4, grain=7),
    "from an arm and a half": Camera(near=0.55),
    "a poor connection": Camera(grain=4, quality=40),
}


def poses(person: Person, step: str, *, real: bool = False) -> list[A]:
    """The frames of one movement."""
    front = person.front
    if step == "blink":
        return [with_closed_eyes(front) if shut else front.picture for shut in CLOSED]
    if step == "up":
        return [turned(front, pitch=degrees) if degrees else front.picture for degrees in PITCHES]
    side = 1 if step == "left" else -1
    made = [turned(front, yaw=side * degrees) if degrees else front.picture for degrees in YAWS]
    view = "neutral_right_3quarter" if step == "left" else "neutral_left_3quarter"
    return [*made[:4], person.views[view], person.views[view]] if real else made


def film(
    steps: Sequence[str], frames: Callable[[str], list[A]], camera: Camera = CAMERAS["a good camera"]
) -> list[Movement]:
    made = [frames(step) for step in steps]
    return [
        Movement(step, tuple(camera.frame(p, 10 * i + n) for n, p in enumerate(pictures)))
        for i, (step, pictures) in enumerate(zip(steps, made))
    ]


def order(number: int) -> list[str]:
    return [str(s) for s in np.random.default_rng([23, number]).permutation(["left", "right", "up", "blink"])]


# --- attacks ------------------------------------------------------------------------------------------------


def still(person: Person, step: str) -> list[A]:
    return [person.front.picture] * FRAMES


def moved(person: Person, step: str) -> list[A]:
    """Paper that follows the movements, as far as paper can."""
    at = np.linspace(0, 1, FRAMES)
    yaw, pitch = {"left": (45, 0), "right": (-45, 0), "up": (0, 45), "blink": (0, 0)}[step]
    return [forged.tilted(person.front.picture, t * yaw, t * pitch, 4 * t, 0.85 + 0.2 * t) for t in at]


def cut_out(person: Person, step: str) -> list[A]:
    """The same so near that no edge of the paper is seen."""
    at = np.linspace(0, 1, FRAMES)
    yaw, pitch = {"left": (40, 0), "right": (-40, 0), "up": (0, 40), "blink": (0, 0)}[step]
    return [forged.tilted(person.front.picture, t * yaw, t * pitch, 0, 1.25 + 0.3 * t) for t in at]


def rolled(person: Person, step: str) -> list[A]:
    """Paper rolled around an axis and turned."""
    points = person.front.points
    radius = 1.0 * float(np.hypot(*(points[1] - points[0])))
    degrees = {"left": 50, "right": -50}.get(step, 0)
    at = np.linspace(0, 1, FRAMES) * degrees
    return [forged.bent(person.front.picture, radius, float(t), float(points[2, 0])) for t in at]


def rolled_blinking(person: Person, step: str) -> list[A]:
    """The same, and a second print with closed eyes for the blink."""
    return poses(person, step) if step == "blink" else rolled(person, step)


def on_screen(grain: float, zoom: float, roll: float) -> Callable[[Person, str], list[A]]:
    """A film of the person that does all as it is asked, on a screen."""

    def frames(person: Person, step: str) -> list[A]:
        shown = poses(person, step)[:: 2 if step != "blink" else 1][:4]
        return [forged.on_screen(p, grain=grain, zoom=zoom, roll=roll + i) for i, p in enumerate(shown)]

    return frames


def shared(person: Person, step: str, stranger: Person) -> list[A]:
    """Somebody else moves, and the person's picture is shown from the front."""
    moves, own = poses(stranger, step), person.front.picture
    return [own, own, *moves[2:4], own, own] if step == "blink" else [own, own, own, *moves[3:]]


ATTACKS: dict[str, Callable[[Person, str], list[A]]] = {
    "a still picture": still,
    "paper that tilts": moved,
    "paper, its edges not seen": cut_out,
    "paper that is rolled": rolled,
    "rolled paper, and eyes closed": rolled_blinking,
    "a screen with its edge": on_screen(0.5, 0.75, 2),
    "a screen from near": on_screen(1.1, 1.15, 2),
    "a fine screen from near": on_screen(0.5, 1.15, 1),
}


# --- figures ------------------------------------------------------------------------------------------------


def owners(people: list[Person], judge: Judge, *, real: bool, camera: Camera) -> list[SelfieVerdict]:
    """Each owner's verdict; prints what was refused."""
    found = []
    for number, person in enumerate(people):
        photos = (person.neutral,) if real else person.photos
        made = film(order(number), partial(poses, person, real=real), camera)
        said = judge.verify_selfie(made, photos)
        found.append(said)
        if not said.accepted:
            print(f"  {person.name} refused: {said.code}, {said.detail} {said.measures}", flush=True)
    likeness = [one for said in found for one in said.likeness if one is not None]
    accepted = sum(said.accepted for said in found)
    depths = sorted(said.measures.get("depth") or 0 for said in found)
    patterns = sorted(said.measures.get("pattern", 0) for said in found)
    print(f"  {accepted} of {len(found)} accepted, least likeness {min(likeness, default=0):.3f}")
    print(f"  depth {depths[0]} to {depths[-1]}, pattern at most {patterns[-1]}", flush=True)
    return found


def strangers(people: list[Person], verdicts: list[SelfieVerdict]) -> tuple[int, int, float]:
    """(accepted, all, the highest likeness): each selfie against everybody else's photos."""
    passed = count = 0
    highest = 0.0
    for person, said in zip(people, verdicts):
        for other in people:
            if other is not person:
                likeness = tuple(selfie.probability(p, said.embedding, said.embedder) for p in other.photos)
                highest = max([highest, *(one for one in likeness if one is not None)])
                passed += is_accepted(replace(said, likeness=likeness), other.photos)
                count += 1
    return passed, count, highest


def is_accepted(said: SelfieVerdict, photos: Sequence[Inspection]) -> bool:
    try:
        selfie.check_person(said, photos)
    except selfie.Refused:
        return False
    return True


def attacks(people: list[Person], judge: Judge) -> int:
    """Prints what each attack is refused for; returns how many are accepted."""
    accepted = 0
    for name, frames in ATTACKS.items():
        found: Counter[str] = Counter()
        for number, person in enumerate(people):
            made = film(order(number), partial(frames, person))
            said = judge.verify_selfie(made, person.photos)
            found[said.code or "accepted"] += 1
        accepted += found["accepted"]
        print(f"  {name:30} {dict(found)}", flush=True)
    return accepted + other_order(people, judge) + two_faces(people, judge)


def other_order(people: list[Person], judge: Judge) -> int:
    """The film of another challenge: the same movements in another order."""
    found: Counter[str] = Counter()
    for number, person in enumerate(people):
        asked = order(number)
        made = film(asked[1:] + asked[:1], partial(poses, person))
        said = judge.verify_selfie([replace(m, step=s) for m, s in zip(made, asked)], person.photos)
        found[said.code or "accepted"] += 1
    print(f"  {'frames of another order':30} {dict(found)}", flush=True)
    return found["accepted"]


def two_faces(people: list[Person], judge: Judge) -> int:
    found: Counter[str] = Counter()
    for number, (person, stranger) in enumerate(zip(people, people[1:] + people[:1])):
        made = film(order(number), partial(shared, person, stranger=stranger))
        said = judge.verify_selfie(made, person.photos)
        found[said.code or "accepted"] += 1
    print(f"  {'somebody else who moves':30} {dict(found)}", flush=True)
    return found["accepted"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attacked", type=int, default=5, metavar="PEOPLE")
    args = parser.parse_args()
    print(machine())
    torch.set_num_threads(1)
    judge = Judge(threads=1)
    names = sorted({p.name.partition("_")[0] for p in args.folder.glob("*_neutral_front.jpg")})
    people = [person_of(args.folder, name, judge) for name in names]
    accepted, plain = [], []
    for name, camera in CAMERAS.items():
        for real in (False, True) if name == "a good camera" else (False,):
            print(f"owners, {name}, {'turns end with real views' if real else 'of one photograph'}")
            plain.append(owners(people, judge, real=real, camera=camera))
            accepted += [said.accepted for said in plain[-1]]
    passed, count, highest = strangers(people, plain[0])
    print(f"strangers: {passed} of {count} accepted, highest likeness {highest:.3f}")
    print(f"attacks with a picture or a film of the owner, {args.attacked} people")
    forged_accepted = attacks(people[: args.attacked], judge)
    return int(np.mean(accepted) < LEAST or passed > 0 or forged_accepted > 0)


if __name__ == "__main__":
    sys.exit(main())
