"""Measures how much of a drawn face the built-in base's decoder keeps: `python -m bench.decoder`.

Draws people whom no net was trained on, shrinks the drawings, encodes them with the VAE and decodes them
twice: by the VAE and enlarged, and by the base's own decoder. For each it prints how often the judge
(bench.judges) names the person among all, what the second reader reads, how often MTCNN finds the face, and
the sharpness on the head as a share of the drawings'. "Of a known person" is how twins' pictures are decoded:
the decoder has read the person in twelve other drawings. Sharpness is Tenengrad: the mean squared Sobel slope
(Krotkov, 1988), which needs no original. Then the same of the base's own pictures of these scenes, with
seconds a picture, and how many the decoder drew: where its drawing does not agree, the VAE's is delivered.
Exits 1 when the decoder names less than --least of known people, or is less sharp than 0.8.
`--sheet FILE` writes the pictures of the first people, a column for each way."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from bench import judges
from bench.likeness import Lineup, new_scenes
from bench.machine import machine
from ml.avatar.eyes import drawn_eyes
from ml.avatar.views import View
from ml.catalogue import base_of
from ml.drawn.captions import caption
from ml.drawn.people import Person, Scene, framed_scene, random_person
from ml.drawn.portraits import draw
from ml.drawn.solid import centre_of
from ml.faces import Faces
from ml.local.loading import load_pipeline
from ml.local.sample import Sampler
from ml.nano.vae import to_range
from ml.nets.redrawing import KnownPerson

READ = ("background", "clothes", "expression")
SHARP = 0.8  # of the drawings' own sharpness
SIDE = 512


def scenes_of(rng: np.random.Generator, count: int) -> list[Scene]:
    """New scenes in the base's framing, seen nearly from the front."""
    return [replace(framed_scene(s, rng), yaw=s.yaw) for s in new_scenes(rng, count)]


def sharpness(picture: np.ndarray, scene: Scene) -> float:
    """Tenengrad on the head, which lies where the scene says."""
    half = len(picture) / 2
    x, y = (half * (1 + at) for at in centre_of(scene))
    r = 0.9 * half * scene.size
    rows, columns = (slice(max(int(v - r), 0), int(v + r)) for v in (y, x))
    grey = cv2.cvtColor(picture[rows, columns], cv2.COLOR_RGB2GRAY).astype(np.float64)
    return float(np.mean(cv2.Sobel(grey, -1, 1, 0) ** 2 + cv2.Sobel(grey, -1, 0, 1) ** 2))


class Ways:
    """The ways to a delivered picture."""

    def __init__(self, sampler: Sampler):
        self.sampler, self.faces, self.seconds = sampler, Faces(), 0.0
        self.drawn: list[bool] = []  # of each delivered picture

    @torch.no_grad()
    def encoded(self, drawing: np.ndarray) -> torch.Tensor:
        k = self.sampler.base.sizes.enlarge
        small = cv2.resize(drawing, None, fx=1 / k, fy=1 / k, interpolation=cv2.INTER_AREA)
        return self.sampler.pipe.vae.encode(to_range(small[None], "cpu")).latent_dist.mode()[0]

    def by_vae(self, z: torch.Tensor) -> np.ndarray:
        return self.sampler.enlarge(self.sampler.small(z))

    def delivered(self, z: torch.Tensor, known: KnownPerson | None = None, text: str = "") -> np.ndarray:
        self.sampler.person = known
        made = self.sampler.deliver(z, text=text)
        self.drawn.append(made.drawing is not None)
        return made.picture

    def known(self, person: Person, rng: np.random.Generator) -> KnownPerson:
        """The person as read in twelve drawings, as it is in the file of a twin of drawn photos."""
        assert self.sampler.decoder
        drawings = [draw(person, s, SIDE, SIDE) for s in scenes_of(rng, 12)]
        read = self.sampler.decoder.person_of([self.encoded(drawing) for drawing in drawings])
        views = [View(d, face.points) for d in drawings for face in self.faces.find(d)[:1]]
        return KnownPerson(replace(read, eyes=drawn_eyes(views)))

    def sampled(self, person: Person, scene: Scene, seed: int) -> tuple[torch.Tensor, str]:
        base, rng = self.sampler.base, np.random.default_rng(seed)
        text = caption(scene, rng, person=person, keep=1.0)
        size, begin = base.sizes.by_aspect["1:1"], time.monotonic()
        raw = self.sampler.raw_batch([text], size=size, steps=base.steps[1], seeds=[seed])[0]
        self.sampler.deliver(raw, text=text)
        self.seconds += time.monotonic() - begin
        assert isinstance(raw, torch.Tensor)
        return raw, text


class Row:
    """The pictures of one way."""

    def __init__(self, name: str, pictures: list[list[np.ndarray]]):
        self.name, self.pictures = name, pictures  # one list for each person

    def say(
        self, lineup: Lineup, reader: object, scenes: list[list[Scene]], drawn: float
    ) -> tuple[float, float]:
        """Prints the figures; returns (named, sharpness as a share of `drawn`)."""
        hits = [h for who, some in enumerate(self.pictures) for h in lineup.hits(some, who)]
        asked, made = [s for some in scenes for s in some], [p for some in self.pictures for p in some]
        found = reader.read(made)  # type: ignore[attr-defined]
        read = [np.mean([r[f][0] == getattr(s, f) for r, s in zip(found, asked)]) for f in READ]
        faces = np.mean([bool(lineup.faces.find(p)) for p in made])
        sharp = self.sharpness(scenes) / drawn
        named = float(np.mean(hits))
        words = " ".join(f"{f} {v:.2f}" for f, v in zip(READ, read))
        print(f"{self.name:28} named {named:.3f} faces {faces:.3f} sharpness {sharp:.2f} {words}", flush=True)
        return named, sharp

    def sharpness(self, scenes: list[list[Scene]]) -> float:
        return float(
            np.median([sharpness(p, s) for a, b in zip(self.pictures, scenes) for p, s in zip(a, b)])
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.93)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    base = base_of("nano", args.source)
    sampler = Sampler(load_pipeline(base, "cpu"), base)
    print(machine())
    if sampler.decoder is None:
        print("this base has no decoder of its own")
        return 1
    return measure(Ways(sampler), args)


def measure(ways: Ways, args: argparse.Namespace) -> int:
    rng = np.random.default_rng([9000, args.seed])
    people = [random_person(rng) for _ in range(args.people)]
    lineup, reader = Lineup(Faces(), people, rng), judges.load_reader()
    scenes = [
        scenes_of(np.random.default_rng([9100, args.seed, who]), args.scenes) for who in range(args.people)
    ]
    rows = rows_of(ways, people, scenes, args.seed)
    drawn = rows[0].sharpness(scenes)
    figures = [row.say(lineup, reader, scenes, drawn) for row in rows]
    print(f"a picture at the delivered size: {ways.seconds / args.people / args.scenes:.2f} s")
    print(f"drawn: {np.mean(ways.drawn):.3f} of {len(ways.drawn)}")
    if args.sheet:
        columns = [np.concatenate([some[0][::2, ::2] for some in row.pictures[:10]]) for row in rows]
        Image.fromarray(np.concatenate(columns, 1)).save(args.sheet)
    return 0 if figures[3][0] >= args.least and figures[3][1] >= SHARP else 1


def rows_of(ways: Ways, people: list[Person], scenes: list[list[Scene]], seed: int) -> list[Row]:
    drawings = [[draw(p, s, SIDE, SIDE) for s in some] for p, some in zip(people, scenes)]
    coded = [[ways.encoded(d) for d in some] for some in drawings]
    known = [ways.known(p, np.random.default_rng([9200, seed, who])) for who, p in enumerate(people)]
    own = [
        [ways.sampled(p, s, 100 * who + i) for i, s in enumerate(some)]
        for who, (p, some) in enumerate(zip(people, scenes))
    ]
    return [
        Row("drawings", drawings),
        Row("encoded, VAE", [[ways.by_vae(z) for z in some] for some in coded]),
        Row("encoded, decoder", [[ways.delivered(z) for z in some] for some in coded]),
        Row("encoded, of a known person", [[ways.delivered(z, k) for z in s] for k, s in zip(known, coded)]),
        Row("the base's own, VAE", [[ways.by_vae(z) for z, _ in some] for some in own]),
        Row("the base's own, decoder", [[ways.delivered(z, text=t) for z, t in some] for some in own]),
    ]


if __name__ == "__main__":
    sys.exit(main())
