"""A page asks the database as often for somebody with much as for somebody with little."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import factory
from tests.conftest import jpeg
from tests.restoring import restoration_of

pytestmark = pytest.mark.django_db

PAGES = (
    *("studio", "videos", "headshots", "sessions", "restorations", "twins", "new_twin"),
    *("gallery", "albums", "share_links", "duplicates", "people", "explore"),
    *("account", "my_privacy", "consents", "notices", "limits", "developers", "webhooks"),
    *("billing", "tickets", "standing", "help"),
)
CALLS = (
    *("twins", "photos", "generations", "restorations", "sessions", "presets", "packs"),
    *("items", "items/duplicates", "albums", "shares", "people", "public/items"),
    *("consents/history", "notifications", "api-keys", "webhooks", "billing/entries", "tickets"),
)


def queries(client: Client) -> dict[str, int]:
    """Of each page and call."""
    found = {}
    for path in (*map(reverse, PAGES), *(f"/api/v1/{call}" for call in CALLS)):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200, path
        found[path] = len(asked)
    return found


def add(user: Any, name: str) -> None:
    """One more of most things."""
    from accounts.notices.models import Notice
    from gallery.models import Album, AlbumItem, Item
    from gallery.sharing import links
    from generation.models import Job, Output
    from generation.sessions.models import Session

    twin = factory._twin(user, name)
    asked = {"user": user, "twin": twin, "training": twin.active_training, "prompt": name}
    job = Job.objects.create(**asked, seed=1, status="succeeded")
    item = Item.objects.create(user=user, twin=twin, job=job.id, width=64, height=64, size=1, tags=[name])
    Output.objects.create(job=job, index=0, item=item.id)
    made = Session.objects.create(user=user, name=name)
    made.jobs.add(job)
    made.items.add(item)
    AlbumItem.objects.create(album=Album.objects.create(user=user, name=name), item=item)
    links.share_items(user, [item.id])
    restoration_of(user, jpeg(11))
    Notice.objects.create(user=user, kind="job_done", subject_kind="generation.job", subject_id=job.id)
    factory.ticket_of(user, name)
    factory.for_programs(user, name)
    factory.decided_about(user)


def test_more_rows_are_no_more_queries(db: None) -> None:
    user, client = factory.full_user("a"), Client()
    add(user, "b")
    client.force_login(user)
    for _twice in range(2):  # what a process keeps is read at first
        before = queries(client)
    for name in "cdefg":
        add(user, name)
    after = queries(client)
    assert after == before
