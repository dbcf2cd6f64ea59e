"""The gallery: pages, filters, ranges, albums, exports, deletion."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from gallery.models import Item

pytestmark = pytest.mark.django_db


def add(user: Any, count: int, **fields: Any) -> list[Item]:
    from datetime import timedelta

    start = timezone.now()
    rows = [
        Item(
            user=user,
            created_at=start - timedelta(seconds=i // 2),
            width=64,
            height=64,
            size=1,
            etag="x",
            **fields,
        )
        for i in range(count)
    ]
    return Item.objects.bulk_create(rows)


@pytest.fixture
def picture(alice: Any) -> Item:
    from gallery.services import save_item
    from tests.studio import paint

    item = Item(user=alice, width=64, height=64, size=0, etag="", prompt="in a park")
    for name, value in save_item(alice.id, item.id, paint(b"", 3)).items():
        setattr(item, name, value)
    item.save()
    return item


def test_pages_show_every_item_once_forwards_and_back(as_alice: Any, alice: Any) -> None:
    add(alice, 25)
    url, forwards, last = "/api/v1/items?limit=10", [], {}
    while url:
        last = as_alice.get(url).json()
        forwards.append([i["id"] for i in last["results"]])
        url = last["next"]
    assert [len(p) for p in forwards] == [10, 10, 5]
    assert len({i for p in forwards for i in p}) == 25
    back = as_alice.get(last["previous"]).json()
    assert [i["id"] for i in back["results"]] == forwards[1]
    assert as_alice.get(back["previous"]).json()["previous"] is None


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "cursor=abc", "cursor=WzAsMV0", "kind=boat", "ordering=x", "twin=7"],
)
def test_an_invalid_query_is_refused_with_its_reason(as_alice: Any, query: str) -> None:
    answer = as_alice.get(f"/api/v1/items?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"]


def test_filters_and_words_find_what_they_should(as_alice: Any, alice: Any) -> None:
    add(alice, 1, prompt="smiling in a park", style="anime", favourite=True)
    add(alice, 1, prompt="on a beach", style="noir", tags=["work"])
    found = {
        q: len(as_alice.get(f"/api/v1/items?{q}").json()["results"])
        for q in ("style=anime", "favourite=true", "tag=Work", "q=park", "q=boat")
    }
    assert found == {"style=anime": 1, "favourite=true": 1, "tag=Work": 1, "q=park": 1, "q=boat": 0}


@pytest.fixture
def labelled(as_alice: Any, alice: Any, bob: Any) -> Callable[[str], list[str]]:
    """Returns a search of pictures that differ in their tags, twin and style. It answers prompts."""
    from twins.models import Twin

    ling = Twin.objects.create(user=alice, name="Ling 小明", subject_class="woman")
    Twin.objects.create(user=bob, name="Robert", subject_class="man")
    add(alice, 1, prompt="one", tags=["summer holiday"], twin=ling, style="noir")
    add(alice, 1, prompt="two", tags=["夏日海滩"], style="watercolour")
    add(alice, 1, prompt="three", notes="for Ana", style="noir")

    def search(q: str) -> list[str]:
        found = as_alice.get("/api/v1/items", {"q": q}).json()["results"]
        return sorted(item["prompt"] for item in found)

    return search


@pytest.mark.parametrize(
    "q, found",
    [
        ("holiday", "one"),
        ("Holiday SUMMER", "one"),
        ('"holiday summer"', ""),
        ("海滩", "two"),
        ("滩海", ""),
        ("ling", "one"),
        ("小明", "one"),
        ("Robert", ""),  # another user's twin
        ("acuarela", "two"),  # the style's name, in any language
        ("水彩", "two"),
        ("film noir", "one three"),
        ("noir holiday", "one"),
        ("noir -ling", "three"),
        ("ling or acuarela", "one two"),
        ("ana", "three"),
        ("-" * 50, ""),
        ("- or -", ""),
    ],
)
def test_tags_twins_and_styles_are_found_by_search(
    labelled: Callable[[str], list[str]], q: str, found: str
) -> None:
    assert " ".join(labelled(q)) == " ".join(sorted(found.split()))


@pytest.mark.parametrize(
    "likeness, words",
    [
        (None, "not measured: no face was found"),
        (0.1, "hardly to be recognised"),
        (0.5, "to be recognised"),
        (0.9, "as alike as your photos are to each other"),
    ],
)
def test_the_page_of_a_picture_tells_how_it_was_made(
    client: Any, picture: Item, trained: Any, likeness: float | None, words: str
) -> None:
    training = trained.active_training
    training.likeness_real = 0.8
    training.save()
    made = {"likeness": likeness, "training": training.id, "twin": trained, "engine": "nano 1"}
    Item.objects.filter(id=picture.id).update(recipe={"quality": "high", "seed": 77}, **made)
    client.force_login(picture.user)
    page = client.get(f"/gallery/{picture.id}/").text
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL))
    assert facts["Likeness"].startswith(words)
    assert ("0.80" in facts["Likeness"]) == (likeness is not None)
    assert f'href="/twins/{trained.id}/">{trained.name}</a>' in facts["Twin"]
    assert (facts["Quality"], facts["Seed"], facts["Engine"]) == ("High", "77", "nano 1")
    assert facts["Size"].startswith("64 × 64 pixels")


def test_a_likeness_by_the_wrong_embedder_is_not_told(
    client: Any, as_alice: Any, picture: Item, trained: Any
) -> None:
    """Older code measured photographed people by the embedder of drawings."""
    made = {"likeness": 0.9, "training": trained.active_training_id, "twin": trained}
    Item.objects.filter(id=picture.id).update(**made)
    client.force_login(picture.user)
    where, told = f"/api/v1/items/{picture.id}", []
    for change in (
        lambda: trained.photos.update(points=None),  # not renewed yet: it is not known which one suits
        lambda: trained.photos.update(points=[0.0] * 10),
        lambda: trained.trainings.update(likeness=None),  # reembed_photos found photographs
    ):
        change()
        shown = {
            as_alice.get(where).json()["likeness"],
            as_alice.get("/api/v1/items").json()["results"][0]["likeness"],
        }
        told.append((shown, "Likeness" in client.get(f"/gallery/{picture.id}/").text))
    assert told == [({None}, False), ({0.9}, True), ({None}, False)]


def test_tags_are_separated_by_chinese_commas_too(client: Any, picture: Item) -> None:
    client.force_login(picture.user)
    client.post(f"/gallery/{picture.id}/change/", {"tags": "夏天，海滩、family", "notes": ""})
    picture.refresh_from_db()
    assert picture.tags == ["family", "夏天", "海滩"]


def test_a_page_takes_the_same_number_of_queries_however_long(
    as_alice: Any, alice: Any, django_assert_max_num_queries: Any
) -> None:
    add(alice, 100)
    with django_assert_max_num_queries(3):
        as_alice.get("/api/v1/items?limit=100")


def test_a_picture_is_served_whole_in_ranges_and_not_again(as_alice: Any, picture: Item) -> None:
    where = f"/api/v1/items/{picture.id}/content"
    whole = as_alice.get(where)
    data = b"".join(whole)
    assert (whole["ETag"], len(data)) == (f'"{picture.etag}"', picture.size)
    part = as_alice.get(where, HTTP_RANGE="bytes=10-19")
    assert (part.status_code, b"".join(part), part["Content-Range"]) == (
        206,
        data[10:20],
        f"bytes 10-19/{len(data)}",
    )
    assert b"".join(as_alice.get(where, HTTP_RANGE="bytes=-5")) == data[-5:]
    assert as_alice.get(where, HTTP_IF_NONE_MATCH=whole["ETag"]).status_code == 304
    beyond = as_alice.get(where, HTTP_RANGE="bytes=999999-")
    assert (beyond.status_code, beyond.json()["code"]) == (416, "range_not_satisfiable")


@pytest.mark.parametrize("part", ["", "/content", "/thumbnail"])
def test_what_the_client_has_already_is_not_sent_again(as_alice: Any, picture: Item, part: str) -> None:
    where = f"/api/v1/items/{picture.id}{part}"
    etag = as_alice.get(where)["ETag"]
    for known in (etag, f"W/{etag}", "*", f'"x", W/{etag}', f'"x",{etag} , "y"'):
        answer = as_alice.get(where, HTTP_IF_NONE_MATCH=known)
        assert (answer.status_code, answer["ETag"], answer.content) == (304, etag, b""), known
    for other in ('"x"', 'W/"x", "y"', "x", ""):
        assert as_alice.get(where, HTTP_IF_NONE_MATCH=other).status_code == 200, other


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_change_is_meant_for_one_of_the_versions_it_names(
    as_alice: Any, picture: Item, method: str
) -> None:
    where = f"/api/v1/items/{picture.id}"
    ask, etag = getattr(as_alice, method), as_alice.get(where)["ETag"]
    for other in ('"x"', '"x", "y"', f"W/{etag}", "x"):
        refused = ask(where, {}, format="json", HTTP_IF_MATCH=other)
        assert (refused.status_code, refused.json()["code"]) == (412, "changed_meanwhile"), other
    assert ask(where, {}, format="json", HTTP_IF_MATCH=f'"x", {etag}').status_code in (200, 204)


def test_a_change_of_what_must_not_be_there_is_refused(as_alice: Any, picture: Item) -> None:
    answer = as_alice.patch(f"/api/v1/items/{picture.id}", {}, format="json", HTTP_IF_NONE_MATCH="*")
    assert answer.status_code == 412


def test_a_thumbnail_has_its_own_hash(as_alice: Any, picture: Item) -> None:
    where = f"/api/v1/items/{picture.id}/thumbnail"
    small = as_alice.get(where)
    assert small["ETag"] == f'"{hashlib.sha256(b"".join(small)).hexdigest()}"'
    assert as_alice.get(where, HTTP_IF_NONE_MATCH=small["ETag"]).status_code == 304


def test_favourite_tags_and_notes_are_kept(as_alice: Any, picture: Item) -> None:
    where = f"/api/v1/items/{picture.id}"
    seen = as_alice.get(where)
    changed = as_alice.patch(
        where,
        {"favourite": True, "tags": ["Work ", "work"], "notes": "good"},
        format="json",
        HTTP_IF_MATCH=seen["ETag"],
    )
    assert (changed.json()["favourite"], changed.json()["tags"]) == (True, ["work"])
    late = as_alice.patch(where, {"notes": "late"}, format="json", HTTP_IF_MATCH=seen["ETag"])
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")


def test_deleted_is_gone_with_its_files(as_alice: Any, picture: Item) -> None:
    from accounts.vault.vault import store

    assert as_alice.post("/api/v1/items/delete", {"ids": [str(picture.id)]}, format="json").json() == {
        "deleted": 1
    }
    assert not store(picture.user_id).exists(picture.content)
    assert as_alice.get(f"/api/v1/items/{picture.id}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"filter": {}},
        {"filter": {"favorite": "true"}},
        {"filter": {"ordering": "newest"}},
        {"filter": {"kind": ""}},
    ],
)
def test_a_missing_or_misspelt_filter_deletes_nothing(
    as_alice: Any, picture: Item, body: dict[str, Any]
) -> None:
    assert as_alice.post("/api/v1/items/delete", body, format="json").json()["code"] == "invalid"
    assert Item.objects.count() == 1


def test_albums_hold_ones_own_items_alone(as_alice: Any, bob: Any, picture: Item) -> None:
    (theirs,) = add(bob, 1)
    album = as_alice.post("/api/v1/albums", {"name": "Best"}, format="json").json()["id"]
    answer = as_alice.post(
        f"/api/v1/albums/{album}/items", {"add": [str(picture.id), str(theirs.id)]}, format="json"
    )
    assert answer.json() == {"count": 1}
    assert as_alice.post("/api/v1/albums", {"name": "Best"}, format="json").json()["code"] == "invalid"
    assert len(as_alice.get(f"/api/v1/items?album={album}").json()["results"]) == 1
    assert as_alice.delete(f"/api/v1/albums/{album}").status_code == 204


def test_an_export_holds_pictures_and_recipes(as_alice: Any, picture: Item, work: Callable[[], int]) -> None:
    asked = as_alice.post("/api/v1/exports", {"ids": [str(picture.id)]}, format="json").json()
    assert as_alice.get(f"/api/v1/exports/{asked['id']}/content").status_code == 404
    work()
    data = b"".join(as_alice.get(f"/api/v1/exports/{asked['id']}/content"))
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert sorted(n.rsplit(".")[-1] for n in names) == ["json", "png"]


def test_an_export_with_an_invalid_filter_is_refused_at_once(as_alice: Any) -> None:
    answer = as_alice.post("/api/v1/exports", {"filter": {"kind": "boat"}}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_an_export_without_a_choice_holds_everything(
    as_alice: Any, picture: Item, work: Callable[[], int]
) -> None:
    asked = as_alice.post("/api/v1/exports", {}, format="json").json()
    work()
    data = b"".join(as_alice.get(f"/api/v1/exports/{asked['id']}/content"))
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 2


@pytest.mark.parametrize(
    "q, found",
    [
        ("公园", True),
        ("微笑", True),
        ("园", True),
        ("在公园里", True),
        ("笑公", False),
        ("海滩", False),
        ("smiling -公园", False),
        ("smiling -海滩", True),
        ("smiling 公园", True),
    ],
)
def test_chinese_words_are_found_without_spaces(as_alice: Any, alice: Any, q: str, found: bool) -> None:
    Item.objects.create(user=alice, width=64, height=64, size=0, etag="", prompt="在公园里微笑, smiling")
    assert len(as_alice.get("/api/v1/items", {"q": q}).json()["results"]) == found


def test_a_month_begins_where_its_cursor_says(client: Any, alice: Any) -> None:
    from datetime import UTC, datetime

    for month, day in ((1, 31), (3, 1), (3, 31)):
        at = datetime(2026, month, day, 12, tzinfo=UTC)
        Item.objects.create(
            user=alice, width=64, height=64, size=0, etag="", prompt=f"{month}/{day}", created_at=at
        )
    client.force_login(alice)
    months = client.get("/gallery/").context["months"]
    assert [month.month for month, _cursor in months] == [3, 2, 1]
    shown = {
        month.month: client.get("/gallery/", {"cursor": cursor}).context["days"] for month, cursor in months
    }
    assert [[i.prompt for day in shown[m] for i in day["items"]] for m in (3, 2, 1)] == [
        ["3/31", "3/1", "1/31"],
        ["1/31"],
        ["1/31"],
    ]
    oldest = client.get("/gallery/", {"ordering": "oldest"}).context["months"]
    first = client.get("/gallery/", {"ordering": "oldest", "cursor": oldest[1][1]}).context["days"][0][
        "items"
    ][0]
    assert (oldest[1][0].month, first.prompt) == (2, "3/1")
