"""Clips in the gallery: played by parts, listed, shared, packed, locked, deleted, and left alone by what
reads pictures."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.vault.vault import store
from gallery.faces.pictures import unmeasured
from gallery.models import Album, Item
from gallery.services import change_album, save_item
from gallery.shelf import alike, area
from ml import clips, media
from tests.gallery.pictures import HEIGHT, WIDTH, pixels

pytestmark = pytest.mark.django_db
FRAMES = [np.roll(pixels(), n, axis=1) for n in range(72)]


def play(user: Any, **fields: Any) -> Item:
    """A clip of three seconds with its files."""
    facts = {"width": WIDTH, "height": HEIGHT, "prompt": "in a park", "duration": 3.0}
    facts |= {"media_type": "video/mp4"}
    recipe = {"kind": "video", "prompt": "in a park", "motion": "nod", "duration": 3, "seed": 7}
    item = Item(user=user, kind="video", **facts | {"recipe": recipe} | fields)
    poster = media.encode_jpeg(FRAMES[0])
    for name, value in save_item(user.id, item.id, clips.encode(FRAMES), poster=poster).items():
        setattr(item, name, value)
    item.save()
    return item


@pytest.fixture
def clip(alice: Any) -> Item:
    return play(alice)


def body(answer: Any) -> bytes:
    return b"".join(answer)


def test_a_clip_plays_by_parts_from_the_encrypted_file(as_alice: Any, alice: Any, clip: Item) -> None:
    where, plain = f"/api/v1/items/{clip.id}/content", store(alice.id).read(clip.content)
    whole = as_alice.get(where)
    assert (whole.status_code, whole["Content-Type"], whole["Accept-Ranges"]) == (200, "video/mp4", "bytes")
    assert body(whole) == plain
    assert whole["ETag"] == f'"{hashlib.sha256(plain).hexdigest()}"'
    first = as_alice.get(where, HTTP_RANGE="bytes=0-1")
    assert (first.status_code, body(first)) == (206, plain[:2])
    assert first["Content-Range"] == f"bytes 0-1/{len(plain)}"
    rest = as_alice.get(where, HTTP_RANGE="bytes=100-")
    assert (rest.status_code, body(rest), rest["Content-Type"]) == (206, plain[100:], "video/mp4")
    beyond = as_alice.get(where, HTTP_RANGE=f"bytes={len(plain)}-")
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(plain)}")
    named = as_alice.get(f"{where}?download=1")["Content-Disposition"]
    assert named == f'attachment; filename="photoflux-{str(clip.id)[:8]}.mp4"'
    small = as_alice.get(f"/api/v1/items/{clip.id}/thumbnail")
    assert (small["Content-Type"], media.to_array(body(small)).shape) == ("image/webp", (HEIGHT, WIDTH, 3))


def test_the_page_and_the_api_tell_the_median_and_the_twentieth_of_the_frames(
    as_alice: Any, trained: Any
) -> None:
    facts = {"twin": trained, "training": trained.active_training_id, "likeness": 0.83, "likeness_low": 0.71}
    clip = play(trained.user, **facts)
    told = as_alice.get(f"/api/v1/items/{clip.id}").json()
    assert (told["likeness"], told["likeness_low"]) == (0.83, 0.71)
    browser = Client()
    browser.force_login(trained.user)
    page = browser.get(f"/gallery/{clip.id}/").content.decode()
    assert "0.83; your photos among themselves 0.90" in page
    assert "in nineteen of twenty frames 0.71 or more" in page


def test_clips_are_filtered_put_into_albums_and_packed(
    as_alice: Any, alice: Any, clip: Item, work: Callable[[], int]
) -> None:
    album = Album.objects.create(user=alice, name="Summer")
    change_album(album, add=[clip.id])
    for query in ("kind=video", f"album={album.id}"):
        assert [each["id"] for each in as_alice.get(f"/api/v1/items?{query}").json()["results"]] == [
            str(clip.id)
        ]
    assert as_alice.get("/api/v1/items?kind=image").json()["results"] == []
    asked = as_alice.post("/api/v1/exports", {"filter": {"kind": "video"}}, format="json").json()
    work()
    packed = body(as_alice.get(f"/api/v1/exports/{asked['id']}/content"))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".mp4")]
        assert archive.read(name) == store(alice.id).read(clip.content)


def test_what_reads_pictures_leaves_clips_alone(as_alice: Any, alice: Any, clip: Item) -> None:
    """Two clips that begin alike are not the same one."""
    play(alice)
    assert clip.hash is None
    assert alike.look_at_some() == 0
    assert alike.groups(alice) == []
    assert unmeasured(alice, ["test"], most=9) == []
    refused = {
        "edits": ({"rotate": 90}, "only_pictures"),
        "repairs": ({"prompt": "in a park", "region": "eyes"}, "reference_not_allowed"),
        "enlargements": ({}, "reference_not_allowed"),
        "similar": ({}, "reference_not_allowed"),
        "publish": ({"author": "Ana"}, "only_pictures"),
    }
    for verb, (fields, code) in refused.items():
        answer = as_alice.post(f"/api/v1/items/{clip.id}/{verb}", fields, format="json")
        assert (verb, answer.status_code, answer.json()["code"]) == (verb, 422, code)
    pages = (f"/gallery/{clip.id}/edit/", f"/studio/pictures/{clip.id}/repair/")
    browser = Client()
    browser.force_login(alice)
    assert [browser.get(page).status_code for page in pages] == [422, 422]


def test_a_shared_clip_plays_and_is_downloaded_only_where_that_is_allowed(
    as_alice: Any, alice: Any, clip: Item
) -> None:
    visitor = Client()
    for allowed in (False, True):
        made = as_alice.post(
            "/api/v1/shares", {"ids": [str(clip.id)], "download": allowed}, format="json"
        ).json()
        where = "/s/" + made["url"].rpartition("/s/")[2]
        page = visitor.get(where).content.decode()
        assert ("nodownload" in page, "?download=1" in page) == (not allowed, allowed)
        assert ("or download the clip." in page) is allowed  # where the browser has no H.264
        file = page.partition('<video class="clips-video" data-clip src="')[2].partition('"')[0]
        part = visitor.get(file, HTTP_RANGE="bytes=0-9")
        assert (part.status_code, part["Content-Type"], len(body(part))) == (206, "video/mp4", 10)
        asked = visitor.get(f"{file}?download=1")
        assert ("attachment" in asked.get("Content-Disposition", "")) is allowed
        assert visitor.get(f"{where}card.jpg")["Content-Type"] == "image/jpeg"


def test_a_locked_clip_is_seen_through_the_area_alone_and_a_deleted_one_not_at_all(
    as_alice: Any, alice: Any, clip: Item, django_capture_on_commit_callbacks: Any
) -> None:
    area.lock(alice, [clip.id])
    assert as_alice.get(f"/api/v1/items/{clip.id}/content").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        Item.objects.filter(id=clip.id).remove()
    assert [store(alice.id).exists(name) for name in (clip.content, clip.thumbnail)] == [False, False]
