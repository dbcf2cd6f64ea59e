"""Measures how copies of a picture are found: `python -m bench.copies [FOLDER ...] [--drawn 400]`.

Each picture of a FOLDER, and each drawn one, is copied with each change and looked for among all of them by
PDQ (`ml.pdq`) of the picture, of its middles and of the widest face, then compared by pixels (`ml.overlay`).
Then all pairs of different pictures are looked at:
those that PDQ calls the same wait for a person, unless the pixels agree, which is a false copy. The files are
only read.

`--items 100000` fills a temporary database with so many pictures of made-up hashes, and times a look-up.

Exits 1 when a change has a recall below FLOOR, a pair is a false copy, or a look-up takes over MOST_MS.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from bench.duplicates import Change, after, cropped, mirrored, resized, saved
from bench.faces import pictures
from bench.house import house, person
from bench.machine import machine
from ml import media, overlay, pdq
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.types import Face

FLOOR, MOST_MS = 0.99, 100.0
SIDE, THUMBNAIL = 384, 512  # px of a drawn picture; of what is hashed and compared
QUERIES = 100


class Eyes(Protocol):
    """Finds faces, widest first."""

    def find(self, picture: np.ndarray) -> list[Face]: ...


def all_round(share: float) -> Change:
    return cropped(share, share, share, share)


# The first must be found; the others are told.
MUST: dict[str, Change] = {
    "JPEG 30": saved(30),
    "half the size": resized(0.5),
    "crop 5 %": all_round(0.05),
    "crop 10 %": all_round(0.1),
    "mirror": mirrored,
}
TOLD: dict[str, Change] = {
    "crop 2 %": all_round(0.02),
    "crop 3 %": all_round(0.03),
    "crop 7 %": all_round(0.07),
    "crop 8.75 %": all_round(0.0875),
    "mirror, crop 5 %, half, JPEG 30": after(mirrored, all_round(0.05), resized(0.5), saved(30)),
    "25 % brighter": lambda picture: np.clip(picture * 1.25, 0, 255).astype(np.uint8),
    "crop 12 %": all_round(0.12),
    "crop 20 %": all_round(0.2),
    "crop 10 % of one side": cropped(0.1, 0, 0, 0),
    "crop 20 % of one side": cropped(0.2, 0, 0, 0),
}


@dataclass(frozen=True)
class Shot:
    """A picture as it is kept: its thumbnail, and the hashes of its forms and of its widest face as (N, 32)
    uint8. `asked` and `face_asked` are those by which its copies are looked for."""

    name: str
    small: np.ndarray
    forms: np.ndarray
    asked: np.ndarray
    face: np.ndarray
    face_asked: np.ndarray

    @classmethod
    def of(cls, name: str, small: np.ndarray, eyes: Eyes) -> Shot:
        forms, faces = pdq.forms(small), eyes.find(small)
        face = pdq.face_forms(small, faces[0]) if faces else []
        kept = (as_bytes([form.bits for form in some]) for some in (forms, face[:1]))
        whole, first = kept
        return cls(name, small, whole, both(forms), first, both(face))

    def apart(self, other: Shot) -> int:
        """The least distance of what is looked for of this one to what is kept of the other."""
        return min(nearest(self.asked, other.forms), nearest(self.face_asked, other.face))


def thumbnail(picture: np.ndarray) -> np.ndarray:
    share = THUMBNAIL / max(picture.shape[:2])
    if share >= 1:
        return picture
    return cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def shots(folders: list[Path], drawn: int) -> Iterator[tuple[str, np.ndarray]]:
    for folder in folders:
        for path in pictures(folder):
            yield path.stem, media.to_array(media.clean(path.read_bytes()).jpeg)
    for number in range(drawn):
        rng = np.random.default_rng([99, number])
        yield f"drawn {number}", draw(random_person(rng), Scene(), SIDE, SIDE)


def as_bytes(hashes: list[int]) -> np.ndarray:
    whole = b"".join(bits.to_bytes(32, "big") for bits in hashes)
    return np.frombuffer(whole, np.uint8).reshape(-1, 32)


def both(forms: list[pdq.Form]) -> np.ndarray:
    return as_bytes([bits for form in forms for bits in (form.bits, form.mirrored)])


def nearest(a: np.ndarray, b: np.ndarray) -> int:
    """The least distance between two sets of hashes."""
    if not len(a) or not len(b):
        return 256
    return int(np.bitwise_count(a[:, None] ^ b[None]).sum(axis=2).min())


# ---------------------------------------------------------------- copies


def recall(
    name: str, change: Change, known: list[Shot], read: Callable[[str], np.ndarray], eyes: Eyes
) -> float:
    """Prints and returns the share of copies that are found and confirmed."""
    whole, by_face, confirmed, least = 0, 0, 0, 1.0
    for shot in known:
        copy = Shot.of(shot.name, thumbnail(np.ascontiguousarray(change(read(shot.name)))), eyes)
        as_picture = nearest(copy.asked, shot.forms) <= pdq.SAME
        if not as_picture and nearest(copy.face_asked, shot.face) > pdq.SAME:
            continue
        whole, by_face = whole + as_picture, by_face + (not as_picture)
        agrees = overlay.agreement(copy.small, shot.small)
        confirmed, least = confirmed + (agrees >= overlay.COPY), min(least, agrees)
    share = confirmed / len(known)
    told = f"{name:32} found {whole}, by the face alone {by_face}, confirmed {confirmed} of {len(known)}"
    print(f"  {told} ({share:.3f}), least agreement {least:.3f}", flush=True)
    return share


def false_copies(known: list[Shot]) -> int:
    """Prints and returns the number of pairs of different pictures that would be taken down as copies."""
    doubtful, wrong, distances = [], 0, []
    for i, j in combinations(range(len(known)), 2):
        apart = min(known[i].apart(known[j]), known[j].apart(known[i]))
        distances.append(apart)
        if apart <= pdq.SAME:
            agrees = overlay.agreement(known[i].small, known[j].small)
            wrong += agrees >= overlay.COPY
            doubtful.append((agrees, apart, known[i].name, known[j].name))
    print(f"  different pictures: {len(distances)} pairs, nearest {sorted(distances)[:5]} bits")
    print(f"  {len(doubtful)} wait for a person, {wrong} would be called copies")
    for agrees, apart, a, b in sorted(doubtful, reverse=True)[:5]:
        print(f"    {apart} bits, agreement {agrees:.3f}: {a} / {b}")
    return wrong


def measure(folders: list[Path], drawn: int) -> bool:
    from ml.faces import Faces  # loads torch

    whole, eyes = dict(shots(folders, drawn)), Faces()
    known = [Shot.of(name, thumbnail(picture), eyes) for name, picture in whole.items()]
    print(f"{len(known)} pictures, {sum(len(shot.forms) == 0 for shot in known)} too plain for a hash")
    seconds = time_of(lambda: pdq.forms(known[0].small))
    print(f"  the hashes of a picture: {seconds * 1000:.0f} ms; a comparison by pixels:", end=" ")
    print(f"{time_of(lambda: overlay.agreement(known[0].small, known[1].small)) * 1000:.0f} ms")
    shares = [recall(name, change, known, whole.__getitem__, eyes) for name, change in MUST.items()]
    for name, change in TOLD.items():
        recall(name, change, known, whole.__getitem__, eyes)
    return (false_copies(known) == 0) & (min(shares) >= FLOOR)


def time_of(act: Callable[[], object]) -> float:
    """The median of five, in seconds."""
    took = []
    for _ in range(5):
        start = time.perf_counter()
        act()
        took.append(time.perf_counter() - start)
    return sorted(took)[2]


# ---------------------------------------------------------------- looking up


def look_up(count: int) -> bool:
    """Times the look-up of one picture's hashes among `count` pictures. Prints; returns whether in time."""
    from gallery.models import PictureHash

    seconds = fill(count)
    print(f"{PictureHash.objects.count()} hashes of {count} pictures, filled in {seconds:.0f} s")
    return timed(np.random.default_rng(1))


def fill(count: int) -> float:
    """Makes so many pictures with made-up hashes. Returns the seconds of the hashes alone."""
    from django.db import connection

    from gallery.models import Item
    from moderation.hashes.models import bit_string

    user, rng = person("hashes"), np.random.default_rng(0)
    Item.objects.bulk_create(
        (Item(user=user, width=1, height=1, size=1, etag="x") for _ in range(count)), batch_size=5000
    )
    ids = list(Item.objects.values_list("id", flat=True))
    start = time.perf_counter()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY gallery_picturehash (bits, words, item_id) FROM STDIN") as copy,
    ):
        for ident in ids:
            bits = int.from_bytes(rng.bytes(32), "big")
            for form in range(len(pdq.CROPS) + 1):  # and a face
                near = bits ^ (0 if form == 0 else int.from_bytes(rng.bytes(32), "big"))
                words = ",".join(str(place << 16 | word) for place, word in enumerate(pdq.words(near)))
                copy.write(f"{bit_string(near)}\t{{{words}}}\t{ident}\n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE gallery_picturehash")
    return time.perf_counter() - start


def timed(rng: np.random.Generator) -> bool:
    from gallery.models import PictureHash
    from moderation.hashes.models import by_index

    rows = list(PictureHash.objects.order_by("?")[:QUERIES])
    took, missed = [], 0
    for row in rows:
        bits = int(str(row.bits), 2)
        for place in rng.choice(256, pdq.SAME, replace=False):
            bits ^= 1 << int(place)
        start = time.perf_counter()
        with by_index():
            found = list(PictureHash.objects.near(bits).values_list("id", flat=True))
        took.append((time.perf_counter() - start) * 1000)
        missed += row.id not in found
    median, late = np.percentile(took, (50, 95))
    print(f"a look-up of one hash: median {median:.1f} ms, 95 % {late:.1f} ms; {missed} of {QUERIES} missed")
    asked = 2 * (len(pdq.CROPS) + len(pdq.MOVED))
    print(
        f"of one picture (its forms and a face, each also mirrored: {asked} hashes): {median * asked:.0f} ms"
    )
    return bool(late <= MOST_MS and not missed)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--drawn", type=int, default=400)
    parser.add_argument("--items", type=int, default=0)
    args = parser.parse_args()
    print(machine())
    cv2.setNumThreads(1)
    right = measure(args.folders, args.drawn) if args.folders or args.drawn else True
    if args.items:
        with house():
            right &= look_up(args.items)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
