"""Measures how often the watermark is read, and how invisible it is.

python -m bench.watermark [--pictures 70] [--unmarked 2000] [FOLDER]

Draws soft portraits, sharp shapes and plain gradients at the nano engine's delivered sizes. Adds the pictures
of FOLDER, at most 1536 px and at 512 px. Exits 1 below 99 % for JPEG 70, half size and both, below 40 dB, or
when a mark is read in an unmarked picture.
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ml import watermark
from ml.watermark import Picture

SIZES = ((512, 512), (448, 576), (384, 512), (384, 576), (320, 576), (576, 320), (576, 384))
REQUIRED = ("JPEG 70", "half size", "half + JPEG 70", "half (area) + JPEG 70")


def save(picture: Picture, kind: str, quality: int) -> Picture:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, quality=quality)
    return np.asarray(Image.open(out).convert("RGB"))


def halve(picture: Picture, how: Image.Resampling = Image.Resampling.LANCZOS) -> Picture:
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(picture).resize((width // 2, height // 2), how))


def regrow(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return np.asarray(
        Image.fromarray(save(halve(picture), "JPEG", 70)).resize((width, height), Image.Resampling.BICUBIC)
    )


def crop(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[picture.shape[0] // 20 :, picture.shape[1] // 20 :])


WEAR: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda p: p,
    "JPEG 90": lambda p: save(p, "JPEG", 90),
    "JPEG 70": lambda p: save(p, "JPEG", 70),
    "JPEG 50": lambda p: save(p, "JPEG", 50),
    "WebP 80": lambda p: save(p, "WEBP", 80),
    "half size": halve,
    "half + JPEG 70": lambda p: save(halve(p), "JPEG", 70),
    "half (area) + JPEG 70": lambda p: save(halve(p, Image.Resampling.BOX), "JPEG", 70),
    "half + JPEG 70 + regrown": regrow,
    "half + WebP 80": lambda p: save(halve(p), "WEBP", 80),
    "grey": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "crop 5 %": crop,
}


def draw_portrait(seed: int, width: int, height: int) -> Picture:
    """A soft face-like drawing, made at a quarter of the size and enlarged, as by the nano engine."""
    random = np.random.default_rng(seed)
    columns, rows = max(1, width // 4), max(1, height // 4)
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows) * rows / columns)

    def put(
        onto: np.ndarray, colour: np.ndarray, cx: float, cy: float, a: float, b: float, soft: float
    ) -> np.ndarray:
        cover = (
            1 / (1 + np.exp(np.clip((np.hypot((x - cx) / a, (y - cy) / b) - 1) / soft, -50, 50)))[..., None]
        )
        return onto * (1 - cover) + colour * cover

    share = ((x + y + 2) / 4)[..., None]
    cx, cy = random.uniform(-0.15, 0.15, 2)
    canvas = random.uniform(20, 240, 3) * (1 - share) + random.uniform(20, 240, 3) * share
    canvas = put(canvas, random.uniform(20, 240, 3), cx, cy + 1.1, 0.75, 0.6, 0.03)
    canvas = put(canvas, random.uniform(10, 120, 3), cx, cy - 0.1, 0.5, 0.62, 0.04)
    canvas = put(canvas, np.array([225, 180, 150]) * random.uniform(0.4, 1.05), cx, cy, 0.38, 0.5, 0.03)
    for side in (-0.15, 0.15):
        canvas = put(canvas, np.full(3, 240), cx + side, cy - 0.08, 0.07, 0.04, 0.08)
        canvas = put(canvas, random.uniform(10, 90, 3), cx + side, cy - 0.08, 0.03, 0.035, 0.1)
    canvas = put(canvas, np.array([170, 70, 80]), cx, cy + 0.25, 0.12, 0.035, 0.1)
    small = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.LANCZOS))


def draw_shapes(seed: int, width: int, height: int) -> Picture:
    """Sharp discs and bars with a little grain: harder for the mark than soft pictures."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    canvas = np.broadcast_to(random.uniform(0, 255, 3), (height, width, 3)).copy()
    for _ in range(12):
        cx, cy, radius = random.uniform(0, width), random.uniform(0, height), random.uniform(10, 120)
        canvas[np.hypot(x - cx, y - cy) < radius] = random.uniform(0, 255, 3)
        canvas[np.abs((x - cx) * random.normal() + (y - cy)) < radius / 8] = random.uniform(0, 255, 3)
    return np.clip(canvas + random.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)


def draw_gradient(seed: int, width: int, height: int) -> Picture:
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    share = (x * random.uniform() + y * random.uniform())[..., None] / 2
    return np.uint8(random.uniform(0, 255, 3) * (1 - share) + random.uniform(0, 255, 3) * share)


KINDS = (draw_portrait, draw_portrait, draw_shapes, draw_gradient)


def draw(first: int, count: int) -> Iterator[Picture]:
    for seed in range(first, first + count):
        yield KINDS[seed % len(KINDS)](seed, *SIZES[seed % len(SIZES)])


def load(folder: Path | None) -> Iterator[Picture]:
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            image = Image.open(path).convert("RGB")
            for side in (1536, 512):
                image.thumbnail((side, side), Image.Resampling.LANCZOS)
                yield np.asarray(image)


def psnr(one: Picture, other: Picture) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(np.float32) - other) ** 2)))


def measure(pictures: Iterator[Picture]) -> tuple[dict[str, list[bool]], list[float], list[float]]:
    """(whether the mark is read after each attack, PSNR in dB, CPU seconds of marking), per picture."""
    found: dict[str, list[bool]] = {name: [] for name in WEAR}
    quality, seconds = [], []
    for number, picture in enumerate(pictures):
        ident = number * 2654435761 % 2**32  # Knuth's multiplicative hash: unrelated numbers
        start = time.process_time()
        marked = watermark.embed(picture, ident)
        seconds.append(time.process_time() - start)
        quality.append(psnr(picture, marked))
        for name, wear in WEAR.items():
            found[name].append(watermark.read(wear(marked)) == ident)
    return found, quality, seconds


def report(title: str, pictures: Iterator[Picture]) -> bool:
    found, quality, seconds = measure(pictures)
    print(
        f"\n{title}: {len(quality)} pictures, PSNR {min(quality):.1f} dB least, mean {np.mean(quality):.1f},"
    )
    print(f"{1000 * np.median(seconds):.0f} ms of CPU to mark one (median)")
    for name, read in found.items():
        print(f"  {name:26}{100 * np.mean(read):6.1f} %{'  at least 99' if name in REQUIRED else ''}")
    return min(quality) >= 40 and all(np.mean(found[name]) >= 0.99 for name in REQUIRED)


def report_unmarked(pictures: Iterator[Picture]) -> bool:
    answers = [watermark.measure(picture) for picture in pictures]
    strengths = np.array([strength for _, strength in answers])
    wrong = sum(ident is not None and strength >= watermark.FAINTEST for ident, strength in answers)
    loud = np.mean(strengths >= watermark.FAINTEST)
    print(f"\nunmarked: {len(answers)} pictures, {wrong} read as marked")
    print(f"  clearness: mean {strengths.mean():.2f}, sd {strengths.std():.2f}, most {strengths.max():.2f}")
    print(f"  {loud:.2%} reach {watermark.FAINTEST}; with the CRC a chance of {loud / 2**16:.1e} a picture")
    return wrong == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.watermark")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--pictures", type=int, default=70)
    parser.add_argument("--unmarked", type=int, default=2000)
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, one core")
    good = report("drawn, delivered sizes", draw(0, wanted.pictures))
    if wanted.folder:
        good &= report(f"of {wanted.folder.name}", load(wanted.folder))
    good &= report_unmarked(draw(100_000, wanted.unmarked))
    print("\ngood" if good else "\nBELOW THE STATED FIGURES")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
