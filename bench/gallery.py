"""Measures whether a page stays fast as the gallery grows: `python -m bench.gallery`.

Fills a temporary database with 1,000, 10,000 and 100,000 items of one user (and as many of another), and
measures the list through the API's code: unfiltered, with each filter, and at a late page, and the pictures
that are there twice or look alike. Exits 1 when a page at 100,000 items takes more than 1.5 times as long as
at 1,000, or needs another number of queries. Times of the text search and of duplicates are only reported.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from bench.house import client_of, house, person
from bench.machine import machine

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 60
MOST = 1.5
QUERIES = {
    "all": "",
    "kind": "kind=image",
    "restored": "kind=restored",
    "style": "style=noir",
    "twin": "twin={twin}",
    "favourite": "favourite=true",
    "tag": "tag=work",
    "person": "person={person}",
    "folded": "folded=true",
    "archived": "archived=true",
    "album": "album={album}",
    "oldest": "ordering=oldest",
    "words": "q=park",
    "duplicates": "",
}
REPORTED = {"words", "duplicates"}
MOTIFS = 1000  # of which all pictures are; two of one motif share most bits of their hashes


def fill(user: Any, twin: Any, start: int, stop: int) -> None:
    """Items start..stop-1: one in 25 is a favourite, one in 20 is tagged and shows the person, one in 30 is
    restored, one in 10 lies below the picture before; styles alternate."""
    from django.utils import timezone

    from gallery.models import Album, AlbumItem, Item
    from ml.types import STYLES

    now, looks = timezone.now(), hashes(start, stop)
    rows = [
        Item(
            user=user,
            twin=twin if i % 3 else None,
            created_at=now - timedelta(minutes=i),
            width=512,
            height=512,
            size=1,
            etag=f"{i:064}",
            hash=looks[i - start],
            kind="restored" if i % 30 == 11 else "image",
            style=STYLES[i % 8],
            favourite=i % 25 == 0,
            archived=i % 50 == 7,
            tags=["work"] if i % 20 == 0 else [],
            prompt=f"smiling, in a {('park', 'library', 'city')[i % 3]} {i}",
        )
        for i in range(start, stop)
    ]
    for below, top in zip(rows[1::10], rows[::10]):
        below.keeper_id = top.id
    made = Item.objects.bulk_create(rows, batch_size=5000)
    show(user, made[::20])
    album, _new = Album.objects.get_or_create(user=user, name="every second")
    AlbumItem.objects.bulk_create([AlbumItem(album=album, item=item) for item in made[::2]], batch_size=5000)


def hashes(start: int, stop: int) -> list[int]:
    """Perceptual hashes with a sign: each bit differs from its motif's in one picture of five, and one
    picture in 50 is the one before with two other bits."""
    rng, motifs = np.random.default_rng(start), np.random.default_rng(1).integers(0, 2, (MOTIFS, 64))
    bits = motifs[rng.integers(MOTIFS, size=stop - start)] ^ (rng.random((stop - start, 64)) < 0.2)
    bits[50::50] = bits[49:-1:50]
    bits[50::50, 3:5] ^= 1
    return np.packbits(bits.astype(np.uint8), axis=1).view(">i8").ravel().tolist()


def show(user: Any, items: list[Any]) -> None:
    """A person's face in each of these pictures."""
    from gallery.faces.models import Face, Person

    person, _new = Person.objects.get_or_create(user=user, name="Ann")
    facts = {"user": user, "person": person, "box": [0, 0, 1, 1], "points": [0] * 10}
    facts |= {"number": 0, "score": 1, "quality": 1}
    faces = (Face(item=item, kind=item.kind, made_at=item.created_at, **facts) for item in items)
    Face.objects.bulk_create(faces, batch_size=5000)


def measure(ask: Callable[[str], Any], urls: list[str]) -> tuple[float, int]:
    """(median milliseconds of a page, its queries), over these addresses alternately."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        ask(urls[0])
    queries, took = len(seen), []  # the next request clears the log
    for i in range(ROUNDS):
        start = time.perf_counter()
        ask(urls[i % len(urls)])
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took), queries


def addresses(ask: Callable[[str], Any], name: str, query: str) -> list[str]:
    """The first page and the next one."""
    if name == "duplicates":
        return ["/api/v1/items/duplicates"]
    first = f"/api/v1/items?limit=30&{query}"
    following = [ask(first) for _ in range(5)][-1].json()["next"]
    return [first, following] if following else [first]


def main() -> int:
    with house():
        return run()


def run() -> int:
    from django.db import connection

    from gallery.faces.models import Person
    from twins.models import Twin

    people = [person(n) for n in ("alice", "bob")]
    twins = [Twin.objects.create(user=p, name="Me") for p in people]
    client = client_of(people[0])
    took: dict[str, list[float]] = {name: [] for name in QUERIES}
    asked: dict[str, list[int]] = {name: [] for name in QUERIES}
    done = 0
    for size in SIZES:
        for owner, twin in zip(people, twins):
            fill(owner, twin, done, size)
        done = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE gallery_item, gallery_face, gallery_albumitem")
            cursor.execute("CHECKPOINT")  # otherwise the measurement includes the writes of filling
        gc.collect()
        for name, query in QUERIES.items():
            ids = {"twin": twins[0].id, "album": people[0].albums.get().id}
            ids["person"] = Person.objects.get(user=people[0]).id
            ms, queries = measure(client.get, addresses(client.get, name, query.format(**ids)))
            took[name].append(ms)
            asked[name].append(queries)
    print(machine())
    print(f"{'milliseconds a page':20}" + "".join(f"{n:>10,}" for n in SIZES) + f"{'ratio':>8}{'queries':>9}")
    ratios = {}
    for name, row in took.items():
        ratios[name] = row[-1] / row[0]
        print(f"{name:20}" + "".join(f"{ms:10.1f}" for ms in row) + f"{ratios[name]:8.2f}{asked[name][-1]:9}")
    slower = max(r for name, r in ratios.items() if name not in REPORTED) > MOST
    return int(slower or any(len(set(numbers)) > 1 for numbers in asked.values()))


if __name__ == "__main__":
    sys.exit(main())
