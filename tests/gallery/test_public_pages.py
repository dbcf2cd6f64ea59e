"""Pages of the public gallery cost the same however much is in it."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from gallery.models import Item
from gallery.sharing.models import Author, Publication

pytestmark = pytest.mark.django_db


def publish_many(user: Any, count: int) -> Author:
    """Rows without files."""
    now, author = timezone.now(), Author.objects.get_or_create(user=user, defaults={"name": "Many"})[0]
    idents = [uuid4() for _ in range(count)]
    common = {"width": 512, "height": 640}
    Item.objects.bulk_create([Item(id=i, user=user, size=1, **common) for i in idents], 2000)
    rows = (
        Publication(
            id=ident,
            item_id=ident,
            user=user,
            author=author,
            status="published",
            published_at=now - timedelta(seconds=n),
            **common,
        )
        for n, ident in enumerate(idents)
    )
    Publication.objects.bulk_create(rows, 2000)
    return author


def test_every_page_costs_the_same_few_queries(
    alice: Any, as_bob: Any, django_assert_max_num_queries: Any
) -> None:
    author, url, found = publish_many(alice, 70), "/api/v1/public/items", []
    while url:
        with django_assert_max_num_queries(2):
            page = as_bob.get(url).json()
        found += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(set(found)) == len(found) == 70
    for where in ("/explore/", f"/explore/by/{author.id}/"):
        with django_assert_max_num_queries(3):
            assert Client().get(where).status_code == 200
    assert len(Client().get(f"/api/v1/public/items?author={author.id}").json()["results"]) == 30
    assert Client().get("/api/v1/public/items?author=x").json()["code"] == "invalid"


def test_a_page_reads_the_index_and_no_more(alice: Any) -> None:
    publish_many(alice, 300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE gallery_publication")
    rows = Publication.objects.shown().order_by("-published_at", "-id")
    assert "Index" in rows.filter(published_at__lte=timezone.now())[:31].explain()


def multiply(row: Publication, times: int) -> None:
    """Copies the row and its item, in the database alone; each copy is a second older."""

    def columns(model: Any, **changed: str) -> tuple[str, str]:
        names = [f.column for f in model._meta.concrete_fields if f.column != "search"]
        return ", ".join(names), ", ".join(changed.get(name, f"t.{name}") for name in names)

    items = columns(Item, id="gen_random_uuid()")
    older = "t.published_at - row_number() OVER () * interval '1 second'"
    rows = columns(Publication, id="i.id", item_id="i.id", published_at=older)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO gallery_item ({items[0]}) SELECT {items[1]} FROM gallery_item t, "
            "generate_series(1, %s) WHERE t.id = %s",
            [times, row.id],
        )
        cursor.execute(
            f"INSERT INTO gallery_publication ({rows[0]}) SELECT {rows[1]} FROM gallery_publication t, "
            "gallery_item i WHERE t.id = %s AND NOT EXISTS "
            "(SELECT 1 FROM gallery_publication p WHERE p.id = i.id)",
            [row.id],
        )
        cursor.execute("ANALYZE gallery_publication")


@pytest.mark.thorough
def test_a_hundred_thousand_publications_are_as_fast_as_a_thousand(alice: Any) -> None:
    publish_many(alice, 1)
    found = {}
    for more, total in ((999, 1_000), (99_000, 100_000)):
        multiply(Publication.objects.order_by("-published_at")[0], more)
        assert Publication.objects.shown().count() == total
        url, times = "/api/v1/public/items?limit=30", []
        for _page in range(20):
            began = time.perf_counter()
            url = Client().get(url).json()["next"]
            times.append(time.perf_counter() - began)
        found[total] = statistics.median(times)
    assert found[100_000] < 2 * found[1_000] + 0.01, found
