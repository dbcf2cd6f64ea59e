"""Sends thousands of broken photos through the API and real workers: `python -m bench.hostile`.

The photos are files of every format and raw files, truncated or with changed bytes. Each is uploaded by one
of several users, judged and deleted. Exits 1 on a status of 500 or more, a refusal without a code, a
remaining file, a dead worker, or a 99th percentile above 2 s.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
from PIL import Image

from bench import odd_icc
from bench import odd_png as png
from bench.house import client_of, house, person, worker
from bench.machine import machine
from bench.odd_raw import raw_files
from bench.odd_tiff import Tiff, join, write

EACH = 250  # photos per user: the API accepts 300 an hour
MOST = 2.0  # seconds from request to verdict, for 99 of 100


def picture() -> np.ndarray:
    """(560, 560, 3) uint8, with noise in blue."""
    y, x = np.mgrid[0:560, 0:560]
    return np.stack([x // 3, y // 3, (x * y) % 251], -1).astype(np.uint8)


def saved(kind: str, **options: Any) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    Image.fromarray(picture()).save(out, kind, **options)
    return out.getvalue()


def odd_png() -> bytes:
    """With a chunk of every sort that tells something."""
    text = b"Comment\0\0" + zlib.compress(bytes(1_000_000))
    chunks = [png.gama(1 / 2.2), png.chrm(odd_icc.P3), png.iccp(odd_icc.profile()), png.cicp(9, 16)]
    return png.png(picture(), [*chunks, (b"zTXt", text), (b"eXIf", b"MM\0*\0\0\0\x08\0\0"), (b"sRGB", b"\0")])


def tiff_with_thumbnails() -> bytes:
    page, small = picture(), picture()[::4, ::4]
    return join([(page, Tiff(compression=8, predictor=2)), (small, Tiff(tags={254: 1}))], [(small, Tiff())])


# Whole files: each is accepted as a picture before it is broken.
KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved("JPEG"),
    "PNG": lambda: saved("PNG"),
    "TIFF": lambda: saved("TIFF", compression="tiff_lzw"),
    "WEBP": lambda: saved("WEBP"),
    "HEIF": lambda: saved("HEIF"),
    "JPEG with a profile": lambda: saved("JPEG", icc_profile=odd_icc.profile(odd_icc.P3, "table")),
    "PNG with chunks": odd_png,
    "TIFF with thumbnails": tiff_with_thumbnails,
    "TIFF, 16 bits, white is zero": lambda: write(
        picture()[..., :1].astype(np.uint16), Tiff(big=True, photometric=0)
    ),
    "BigTIFF in tiles and planes": lambda: write(picture(), Tiff(bigtiff=True, planar=2, tile=128)),
    "HEIF with PQ": lambda: saved(
        "HEIF", color_primaries=9, transfer_characteristics=16, matrix_coefficients=9
    ),
}  # fmt: skip


def whole(kind: str) -> bytes:
    """A file of KINDS, or a raw file: those are refused also when they are whole."""
    return KINDS[kind]() if kind in KINDS else raw_files()[kind]


def broken(data: bytes, number: int) -> bytes:
    """Truncates files with odd numbers and changes bytes of the others: anywhere, in the head, in the tail.

    The directories of a TIFF are in its tail.
    """
    rng = np.random.default_rng(number)
    if number % 2:
        return data[: int(rng.integers(1, len(data)))]
    size = len(data)
    low, high = [(0, size), (0, min(size, 4000)), (max(0, size - 600), size)][number // 2 % 3]
    changed = bytearray(data)
    for at in rng.integers(low, high, 1 + number % 24):
        changed[at] = int(rng.integers(0, 256))
    return bytes(changed)


def send(name: str, numbers: range) -> list[tuple[float, str]]:
    """(seconds, verdict) per photo. The verdict of a fault is a sentence that begins with "!"."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection

    client, found = client_of(person(name)), []
    files = [whole(kind) for kind in (*KINDS, *raw_files())]
    twin = client.post("/api/v1/twins", {"name": "Me"}, format="json").json()["id"]
    for number in numbers:
        file = SimpleUploadedFile("a.jpg", broken(files[number % len(files)], number))
        start = time.monotonic()
        answer = client.post(f"/api/v1/twins/{twin}/photos", {"file": file}, format="multipart")
        if answer.status_code != 201:
            found.append((time.monotonic() - start, f"! answer {answer.status_code}"))
            continue
        photo = answer.json()
        where = f"/api/v1/twins/{twin}/photos/{photo['id']}"
        while photo["status"] == "checking":
            time.sleep(0.03)
            photo = client.get(where).json()
        code = photo["code"] or ("accepted" if photo["status"] == "accepted" else "! refused without a code")
        found.append((time.monotonic() - start, code))
        client.delete(where)
    connection.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=8)
    args = parser.parse_args()
    with house(), worker("cpu", count=2) as running:
        from django.utils import timezone

        from accounts.vault.storage import homes, storage_of

        send("first", range(4))  # makes both processes load the models
        start = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(
                lambda n: send(f"someone{n}", range(n * EACH, (n + 1) * EACH)), range(args.people)
            )
            found = [one for part in parts for one in part]
        seconds, codes = time.monotonic() - start, Counter(code for _took, code in found)
        late = statistics.quantiles([took for took, _code in found], n=100)[-1]
        left = [
            name
            for home in homes()
            for name in storage_of(home).old_files(timezone.now() + timedelta(days=1))
        ]
        print(machine())
        print(
            f"{len(found)} files in {seconds:.0f} s; 99th percentile {late:.2f} s; left behind: {len(left)}"
        )
        for code, count in codes.most_common():
            print(f"{count:6d}  {code}")
        dead = running.poll() is not None
        return int(dead or bool(left) or late > MOST or any(code.startswith("!") for code in codes))


if __name__ == "__main__":
    sys.exit(main())
