"""Sends thousands of broken photos through the API and real workers: `python -m bench.hostile`.

The photos are files of every format, truncated or with changed bytes. Each is uploaded by one of several
users, judged and deleted. Exits 1 on a status of 500 or more, a refusal without a code, a remaining file, a
dead worker, or a 99th percentile above 2 s.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
from PIL import Image

from bench.house import client_of, house, person, worker
from bench.machine import machine

KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {},
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {},
    "HEIF": {},
}
EACH = 250  # photos per user: the API accepts 300 an hour
MOST = 2.0  # seconds from request to verdict, for 99 of 100


def whole(kind: str) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    y, x = np.mgrid[0:560, 0:560]
    out = io.BytesIO()
    Image.fromarray(np.stack([x // 3, y // 3, (x * y) % 251], -1).astype(np.uint8)).save(
        out, kind, **KINDS[kind]
    )
    return out.getvalue()


def broken(data: bytes, number: int) -> bytes:
    """Truncates files with odd numbers and changes bytes of the others, half of those in the header."""
    rng = np.random.default_rng(number)
    if number % 2:
        return data[: int(rng.integers(1, len(data)))]
    changed = bytearray(data)
    for at in rng.integers(0, min(len(data), 4000 if number % 4 else len(data)), 1 + number % 24):
        changed[at] = int(rng.integers(0, 256))
    return bytes(changed)


def send(name: str, numbers: range) -> list[tuple[float, str]]:
    """(seconds, verdict) per photo. The verdict of a fault is a sentence that begins with "!"."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection

    client, files, found = client_of(person(name)), {kind: whole(kind) for kind in KINDS}, []
    twin = client.post("/api/v1/twins", {"name": "Me"}, format="json").json()["id"]
    for number in numbers:
        file = SimpleUploadedFile("a.jpg", broken(files[list(KINDS)[number % len(KINDS)]], number))
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
