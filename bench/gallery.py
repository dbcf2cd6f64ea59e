"""Measures whether a page stays fast as the gallery grows: `python -m bench.gallery`.

Fills a temporary database with 1,000, 10,000 and 100,000 items of one user (and as many of another), and
measures the list through the API's code: unfiltered, with each filter, and at a late page. Exits 1 when a
page at 100,000 items takes more than 1.5 times as long as at 1,000. Text search is only reported.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bench.house import client_of, house, person
from bench.machine import machine

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 60
MOST = 1.5
QUERIES = {
    "all": "",
    "kind": "kind=image",
    "style": "style=noir",
    "twin": "twin={twin}",
    "favourite": "favourite=true",
    "tag": "tag=work",
    "folded": "folded=true",
    "archived": "archived=true",
    "album": "album={album}",
    "oldest": "ordering=oldest",
    "words": "q=park",
}
REPORTED = {"words"}


def fill(user: Any, twin: Any, start: int, stop: int) -> None:
    """Items start..stop-1: one in a thousand is a favourite, one in a hundred is tagged, styles alternate."""
    from django.utils import timezone

    from gallery.models import Album, AlbumItem, Item
    from ml.types import STYLES

    now = timezone.now()
    rows = (
        Item(
            user=user,
            twin=twin if i % 3 else None,
            created_at=now - timedelta(minutes=i),
            width=512,
            height=512,
            size=1,
            etag="x",
            style=STYLES[i % 8],
            favourite=i % 25 == 0,
            archived=i % 50 == 7,
            tags=["work"] if i % 20 == 0 else [],
            prompt=f"smiling, in a {('park', 'library', 'city')[i % 3]} {i}",
        )
        for i in range(start, stop)
    )
    made = Item.objects.bulk_create(rows, batch_size=5000)
    album, _new = Album.objects.get_or_create(user=user, name="every second")
    AlbumItem.objects.bulk_create([AlbumItem(album=album, item=item) for item in made[::2]], batch_size=5000)


def measure(ask: Callable[[str], Any], query: str) -> float:
    """Median milliseconds of a page, over the first page and the next alternately."""
    first = [ask(f"/api/v1/items?limit=30&{query}") for _ in range(5)][-1].json()
    urls = [f"/api/v1/items?limit=30&{query}", *([first["next"]] if first["next"] else [])]
    took = []
    for i in range(ROUNDS):
        start = time.perf_counter()
        ask(urls[i % len(urls)])
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


def main() -> int:
    with house():
        return run()


def run() -> int:
    from django.db import connection

    from twins.models import Twin

    people = [person(n) for n in ("alice", "bob")]
    twins = [Twin.objects.create(user=p, name="Me") for p in people]
    client = client_of(people[0])
    took: dict[str, list[float]] = {name: [] for name in QUERIES}
    done = 0
    for size in SIZES:
        for owner, twin in zip(people, twins):
            fill(owner, twin, done, size)
        done = size
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE gallery_item")
            cursor.execute("CHECKPOINT")  # otherwise the measurement includes the writes of filling
        gc.collect()
        for name, query in QUERIES.items():
            album = people[0].albums.get().id
            took[name].append(measure(client.get, query.format(twin=twins[0].id, album=album)))
    print(machine())
    print(f"{'milliseconds a page':20}" + "".join(f"{n:>10,}" for n in SIZES) + f"{'ratio':>8}")
    ratios = {}
    for name, row in took.items():
        ratios[name] = row[-1] / row[0]
        print(f"{name:20}" + "".join(f"{ms:10.1f}" for ms in row) + f"{ratios[name]:8.2f}")
    return int(max(r for name, r in ratios.items() if name not in REPORTED) > MOST)


if __name__ == "__main__":
    sys.exit(main())
