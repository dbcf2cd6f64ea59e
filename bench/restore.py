"""Measures restoration: `python -m bench.restore [FOLDER ...] [--drawn 24] [--esrgan FILE]`.

Faces of FOLDERs (photographs) and drawn people are worn at three strengths of blur, shrinking, noise and
JPEG, and restored as the product does it, in the worn picture's size. Printed for the worn picture, enlarged
by bicubic interpolation, and for the restored one: PSNR over the face, the cosine of the face's vector with
that of the face as it was, and the share of faces that the embedder still takes for the same person; then by
skin tone (drawn people: their trait; photographs: the lightness of the skin) and with glasses. Last the
seconds for a picture of 512 x 512 px from file to signed file. The folders' files train nothing.

Exits 1 when restored faces are not nearer to the person than bicubic ones at middle and strong wear.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from bench.faces import pictures
from bench.machine import machine
from ml import media
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw
from ml.errors import MLError
from ml.faces import Faces
from ml.measures import face_patch, oval_of
from ml.nano.worn import Wear, wear
from ml.nets.scales import SCALES
from ml.provenance import Signer
from ml.restore.paste import Square, lay, soft_mask
from ml.restore.restorers import Restorers
from ml.restore.restoring import begin, restore
from ml.types import Face, RestoreSpec

STRENGTHS = {
    "mild": Wear(blur=0.8, shrink=1.5, noise=3, jpeg=85),
    "middle": Wear(blur=1.5, shrink=2.5, noise=6, jpeg=65),
    "strong": Wear(blur=2.5, shrink=4.0, noise=10, jpeg=45),
}
FIRST = 985_000  # number of the first drawn person: no training knows them
REAL_SIDE = 700  # px of the longer side of photographs
TONES = ("fair", "middle", "dark")
LIGHT = (62.0, 45.0)  # CIE L* of the skin from which it counts as fair, and below which as dark


@dataclass(frozen=True)
class Shown:
    """A picture with the face in it; `groups`: what it counts for."""

    picture: np.ndarray
    face: Face
    groups: tuple[str, ...]


def drawn(people: int, faces: Faces) -> Iterator[Shown]:
    for number in range(FIRST, FIRST + people):
        rng = np.random.default_rng(number)
        person, scene = random_person(rng), replace(random_scene(rng), style="photorealistic", hat="none")
        scene = replace(scene, glasses="round" if number % 4 == 0 else "none")
        tone = TONES[min(2, int(3 * person.skin))]
        picture = draw(person, scene, 512, 512)
        for face in faces.find(picture)[:1]:
            yield Shown(picture, face, (tone, "glasses") if scene.glasses != "none" else (tone,))


def real(folders: list[Path], faces: Faces) -> Iterator[Shown]:
    for folder in folders:
        for path in pictures(folder):
            picture = media.within(media.to_array(media.clean(path.read_bytes()).jpeg), REAL_SIDE)
            for face in faces.find(picture)[:1]:
                yield Shown(picture, face, (tone_of(picture, face),))


def tone_of(picture: np.ndarray, face: Face) -> str:
    patch = face_patch(picture, face)
    light = cv2.cvtColor(patch, cv2.COLOR_RGB2LAB)[..., 0][oval_of(patch)].mean() / 2.55
    return "fair" if light >= LIGHT[0] else "middle" if light >= LIGHT[1] else "dark"


Figures = dict[str, dict[str, list[tuple[float, float, bool]]]]  # group -> method -> (PSNR, cosine, same)


def measure(shown: list[Shown], how: Wear, faces: Faces, restorers: Restorers, esrgan: Any) -> Figures:
    found: Figures = defaultdict(lambda: defaultdict(list))
    for i, each in enumerate(shown):
        rng = np.random.default_rng(i)
        worn = wear(each.picture, how, rng)
        made = {"bicubic": worn, "restored": restored(worn, each.face, faces, restorers)}
        if esrgan:
            small = wear(each.picture, how, np.random.default_rng(i), back=False)
            made["ESRGAN"] = enlarged(esrgan, small, each.picture.shape)
        truth = lay(each.picture, each.face)
        name, vector = faces.embedders.describe(truth.pixels, truth.face)
        for method, picture in made.items():
            figures = compared(truth, lay(picture, each.face), faces, name, vector)
            for group in ("all", *each.groups):
                found[group][method].append(figures)
    return found


def restored(worn: np.ndarray, face: Face, faces: Faces, restorers: Restorers) -> np.ndarray:
    """By the product's steps, with the face's place given, because the question is not whether it is found.
    A face that the product leaves alone stays as it is."""
    try:
        work = begin(RestoreSpec(b""), worn, [face], restorers, faces)
    except MLError:
        return worn
    work.restore(face)
    return work.ground


def enlarged(esrgan: Any, small: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x = torch.from_numpy(np.ascontiguousarray(small)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        made = esrgan(x)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    return cv2.resize((made * 255 + 0.5).astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def compared(
    truth: Square, made: Square, faces: Faces, name: str, vector: np.ndarray
) -> tuple[float, float, bool]:
    error = np.square(truth.pixels.astype(float) - made.pixels) * soft_mask()
    psnr = 10 * np.log10(255**2 / max(error.sum() / (3 * soft_mask().sum()), 1e-9))
    now = faces.embedders.vector(name, made.pixels, truth.face)
    assert now is not None
    cosine = float(now @ vector / (np.linalg.norm(now) * np.linalg.norm(vector)))
    return float(psnr), cosine, SCALES[name].probability(float(np.linalg.norm(now - vector))) >= 0.5


def told(figures: Figures) -> Iterator[str]:
    for group in ("all", *TONES, "glasses"):
        for method, rows in figures.get(group, {}).items():
            psnr, cosine, same = np.array(rows, float).mean(0)
            what = f"  {group:8} {method:9} {len(rows):3} faces"
            yield f"{what}  {psnr:5.2f} dB  {cosine:.4f}  {same:4.0%} same"


def seconds(faces: Faces, restorers: Restorers) -> float:
    """The median of five pictures of 512 x 512 px."""
    rng, took = np.random.default_rng(1), []
    with tempfile.TemporaryDirectory() as folder:
        signer = Signer.open(Path(folder))
        for _ in range(6):
            picture = draw(
                random_person(rng), replace(random_scene(rng), style="photorealistic", size=0.6), 512, 512
            )
            worn = media.encode_jpeg(wear(picture, STRENGTHS["middle"], rng))
            start = time.perf_counter()
            restore(RestoreSpec(worn, scale=1), faces=faces, restorers=restorers, signer=signer)
            took.append(time.perf_counter() - start)
    return float(np.median(took[1:]))  # the first loads the models


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, default=24)
    parser.add_argument("--restorers", type=Path, help="the folder of restorers that do not ship")
    parser.add_argument("--esrgan", type=Path, help="a file of Real-ESRGAN, to compare with")
    args = parser.parse_args()
    faces, restorers, worse = Faces(), Restorers(args.restorers), False
    esrgan = load_esrgan(args.esrgan) if args.esrgan else None
    print(f"{machine()}; {restorers.best().name}", flush=True)
    sets = {"drawn": list(drawn(args.drawn, faces)), "real": list(real(args.folders, faces))}
    for what, shown in sets.items():
        for strength, how in STRENGTHS.items() if shown else ():
            figures = measure(shown, how, faces, restorers, esrgan)
            print(f"{what}, {strength}:", *told(figures), sep="\n", flush=True)
            cosines = {m: np.mean([row[1] for row in rows]) for m, rows in figures["all"].items()}
            worse |= bool(strength != "mild" and cosines["restored"] <= cosines["bicubic"])
    print(f"512 x 512 px from file to signed file: {seconds(faces, restorers):.2f} s")
    return int(worse)


def load_esrgan(path: Path) -> Any:
    import spandrel

    return spandrel.ModelLoader().load_from_file(path).eval()


if __name__ == "__main__":
    sys.exit(main())
