"""Measures the search of similar faces: `python -m bench.face_search --vectors 1000000`.

Fills a temporary database with that many vectors of made-up people, whose distances are those of dlib's net,
in galleries of several sizes. Each gallery is searched with new faces of its people, filtered by its user as
in the product, also by a tag. Printed: milliseconds of a search for ten results through `most_like`, recall
against comparing all of the user's vectors, the size of the index, and the time to add a vector.

Exits 1 when a gallery's 95th percentile is above 20 ms (reported only for the tag) or its recall below 0.95.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.house import house, person
from bench.machine import machine

WIDTH, RESULTS, QUERIES = 128, 10, 200
MOST_MS, LEAST_RECALL = 20.0, 0.95
INDEX = "near_dlib_resnet_2"
# Distances of dlib's net: 0.35 between two photos of one person, 0.75 between two people.
WITHIN, BETWEEN, FACES_A_PERSON = 0.35, 0.75, 25
# Galleries: shares of all vectors, and fixed sizes on both sides of search.EXACT where they fit.
SHARES, SIZES = (0.5, 0.05), (11_000, 10_000, 2_000)


@dataclass
class Gallery:
    """One user's vectors (N, WIDTH) float32, the ids of their faces, and queries (QUERIES, WIDTH)."""

    user: Any
    vectors: np.ndarray
    faces: list[uuid.UUID]
    queries: np.ndarray


def people(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, WIDTH): as in real vectors, a few directions hold most of the variance."""
    spread = np.arange(1, WIDTH + 1) ** -0.4
    centres = rng.standard_normal((count, WIDTH)) * spread
    return centres * BETWEEN / np.sqrt(2 * (spread**2).sum())


def photos_of(rng: np.random.Generator, centres: np.ndarray) -> np.ndarray:
    """One photo of each centre."""
    noise = rng.standard_normal(centres.shape) * WITHIN / np.sqrt(2 * WIDTH)
    return np.asarray(centres + noise, np.float32)


def gallery(rng: np.random.Generator, user: Any, size: int) -> Gallery:
    centres = people(rng, max(2, size // FACES_A_PERSON))
    vectors = photos_of(rng, centres[rng.integers(len(centres), size=size)])
    queries = photos_of(rng, centres[rng.integers(len(centres), size=QUERIES)])
    faces = [uuid.UUID(bytes=rng.bytes(16)) for _ in range(size)]
    return Gallery(user, vectors, faces, queries)


# ---------------------------------------------------------------- filling


def fill(made: Gallery) -> None:
    """Writes the rows past Django: one picture for 50 faces, one in 20 of them tagged."""
    from django.db import connection

    from gallery.models import Item

    count = len(made.faces)
    items = Item.objects.bulk_create(
        Item(user=made.user, width=512, height=512, size=1, etag="x", tags=["beach"] if i % 20 == 0 else [])
        for i in range(-(-count // 50))
    )
    now, box, points = datetime.now(UTC).isoformat(), "{0,0,1,1}", "{" + ",".join("0" * 10) + "}"
    rows = io.StringIO()
    for i, face in enumerate(made.faces):
        rows.write(
            f"{face}\t{made.user.id}\t{items[i // 50].id}\t{i % 50}\t{box}\t{points}\t1\t1\timage\t{now}\n"
        )
    columns = "id, user_id, item_id, number, box, points, score, quality, kind, made_at"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY gallery_face ({columns}) FROM STDIN") as copy:
            copy.write(rows.getvalue())
        with cursor.copy(f"COPY gallery_facevector ({VECTOR_COLUMNS}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(binary(made))


VECTOR_COLUMNS = "face_id, user_id, embedder, embedding"


def binary(made: Gallery) -> bytes:
    """The rows in PostgreSQL's binary format of COPY; halfvec is (dim, 0) and big-endian 16-bit floats."""
    name = b"dlib-resnet-2"
    row = np.dtype(
        [("fields", ">i2"), ("n1", ">i4"), ("face", "V16"), ("n2", ">i4"), ("user", "V16"), ("n3", ">i4")]
        + [("name", f"V{len(name)}"), ("n4", ">i4"), ("dim", ">i2"), ("zero", ">i2"), ("v", ">f2", WIDTH)]
    )
    rows = np.zeros(len(made.faces), row)
    rows["fields"], rows["n1"], rows["n2"], rows["n3"], rows["n4"] = 4, 16, 16, len(name), 4 + 2 * WIDTH
    rows["face"] = np.frombuffer(b"".join(face.bytes for face in made.faces), "V16")
    rows["user"], rows["name"] = np.void(made.user.id.bytes), np.void(name)
    rows["dim"], rows["v"] = WIDTH, made.vectors
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"


def build_index(definition: str) -> float:
    """Builds the HNSW index, and vacuums. Returns the seconds of the former."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 1")
        start = time.perf_counter()
        cursor.execute(definition)
        took = time.perf_counter() - start
        for table in ("gallery_face", "gallery_facevector", "gallery_item"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("CHECKPOINT")
    return took


def drop_index() -> str:
    """Filled row by row it takes ten times as long: it is left out while filling. Returns its definition."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [INDEX])
        (definition,) = cursor.fetchone()
        cursor.execute(f"DROP INDEX {INDEX}")
    return str(definition)


# ---------------------------------------------------------------- measuring


def search_all(made: Gallery, filters: Any) -> tuple[np.ndarray, float]:
    """Milliseconds of each search, and the mean processor time of them in PostgreSQL and here: what they
    would take on an idle machine."""
    from gallery.faces.search import Sought, most_like
    from ml.nets.scales import REAL

    took, before = [], processor_seconds()
    for query in made.queries:
        start = time.perf_counter()
        most_like(made.user, Sought({REAL: query.tolist()}), filters, limit=RESULTS)
        took.append(1000 * (time.perf_counter() - start))
    return np.array(took), 1000 * (processor_seconds() - before) / len(made.queries)


def processor_seconds() -> float:
    """Of this process and of the server process that it is connected to."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def found_by(made: Gallery, filters: Any) -> list[set[Any]]:
    """The faces that each query finds."""
    from gallery.faces.search import nearest
    from ml.nets.scales import REAL

    found = (nearest(made.user, REAL, query.tolist(), filters, limit=RESULTS) for query in made.queries)
    return [{face for face, _distance in faces} for faces in found]


def recall(made: Gallery, found: list[set[Any]], allowed: np.ndarray) -> float:
    """The share of the truly nearest that were found. `allowed`: (N,) which vectors pass the filter."""
    rows = np.flatnonzero(allowed)
    vectors, shares = made.vectors[rows], []
    for query, got in zip(made.queries, found):
        apart = ((vectors - query) ** 2).sum(1)
        best = np.argpartition(apart, min(RESULTS, len(apart) - 1))[:RESULTS]
        shares.append(len({made.faces[rows[i]] for i in best} & got) / len(best))
    return float(np.mean(shares))


def report(made: Gallery) -> bool:
    """Prints a gallery's two lines; whether they reach their limits."""
    from gallery.faces.search import Filters

    right = True
    tagged = np.arange(len(made.faces)) // 50 % 20 == 0
    for name, filters, allowed in (
        ("all", Filters(), np.ones(len(made.faces), bool)),
        ("tagged", Filters(tag="beach"), tagged),
    ):
        search_all(Gallery(made.user, made.vectors, made.faces, made.queries[:20]), filters)  # warm
        took, processor = search_all(made, filters)
        p50, p95 = np.percentile(took, (50, 95))
        got = recall(made, found_by(made, filters), allowed)
        line = f"{len(made.faces):>9,} {name:7} {p50:8.1f} {p95:8.1f} {processor:8.1f} {got:8.3f}"
        print(line, flush=True)
        right &= got >= LEAST_RECALL and (p95 <= MOST_MS or name == "tagged")
    return right


def adding(made: Gallery) -> float:
    """Milliseconds to add one vector to the filled index, the median of 50."""
    from gallery.faces.models import Face, FaceVector
    from ml.nets.scales import REAL

    took = []
    for n, vector in enumerate(made.queries[:50]):
        item = Face.objects.only("item").get(id=made.faces[0]).item
        place = {"box": [0, 0, 1, 1], "points": [0] * 10, "score": 1, "quality": 1, "kind": "image"}
        face = Face.objects.create(
            user=made.user, item=item, number=1000 + n, made_at=datetime.now(UTC), **place
        )
        start = time.perf_counter()
        FaceVector.objects.create(face=face, user=made.user, embedder=REAL, embedding=vector.tolist())
        took.append(1000 * (time.perf_counter() - start))
    return float(np.median(took))


def sizes_of() -> tuple[int, int]:
    """Bytes of the HNSW index and of the table of vectors."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s), pg_relation_size('gallery_facevector')", [INDEX])
        index, table = cursor.fetchone()
    return int(index), int(table)


def layout(total: int) -> tuple[list[int], list[int]]:
    """The sizes of the galleries that are searched, and those of others, which fill up the total."""
    searched = [int(share * total) for share in SHARES] + [size for size in SIZES if size < 0.3 * total]
    other = max(2_000, total // 50)
    return searched, [other] * ((total - sum(searched)) // other)


def measured(total: int) -> bool:
    rng, (searched, others) = np.random.default_rng(7), layout(total)
    sizes = searched + others
    definition, start = drop_index(), time.perf_counter()
    made = []
    for number, size in enumerate(sizes):
        one = gallery(rng, person(f"user{number}-{total}"), size)
        fill(one)
        if number < len(searched):
            made.append(one)
    filled = time.perf_counter() - start
    built = build_index(definition)
    index, table = sizes_of()
    print(
        f"\n{total:,} vectors of {len(sizes)} users, filled in {filled:.0f} s; index built in {built:.0f} s"
    )
    print(f"index {index / 2**20:.0f} MB ({index / total:.0f} bytes a vector), table {table / 2**20:.0f} MB")
    print(f"{'gallery':>9} {'filter':7} {'p50 ms':>8} {'p95 ms':>8} {'cpu ms':>8} {'recall':>8}")
    right = sum(map(report, made)) == len(made)
    print(f"adding a vector: {adding(made[0]):.1f} ms")
    return right


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", type=int, default=10_000)
    args = parser.parse_args()
    print(machine())
    with house():
        return int(not measured(args.vectors))


if __name__ == "__main__":
    sys.exit(main())
