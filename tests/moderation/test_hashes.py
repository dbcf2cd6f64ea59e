"""Hashes of pictures, how near ones are found, and the list of blocked ones."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection

from gallery.models import Item, PictureHash
from ml import pdq
from moderation.hashes import lists
from moderation.hashes.models import BlockedHash, by_index
from moderation.models import AuditEntry
from tests.moderation.pictures import drawn, hang
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
HEX = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
LINE = f"{HEX},StopNCII,2026-11-02"


def flipped(bits: int, n: int, seed: int = 0) -> int:
    places = np.random.default_rng(seed).choice(256, n, replace=False)
    return bits ^ sum(1 << int(place) for place in places)


def test_every_hash_within_31_bits_is_found_by_the_index_and_none_beyond(alice: Any) -> None:
    bits = int(HEX, 16)
    item = Item.objects.create(user=alice, width=1, height=1, size=0)
    for seed in range(40):
        PictureHash.of(flipped(bits, 31, seed), item=item).save()
        PictureHash.of(flipped(bits, 32, seed), item=item).save()
    found = PictureHash.objects.near(bits)
    assert {row.apart for row in found} == {31.0}
    assert found.count() == 40
    with by_index():
        assert "picturehash_words" in found.explain()
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)


def test_a_new_item_has_its_hashes(alice: Any) -> None:
    item = hang(alice, drawn(1))
    assert item.hashes.count() == len(pdq.CROPS)
    item.favourite = True
    item.save()
    assert item.hashes.count() == len(pdq.CROPS)


def test_missing_hashes_are_made(alice: Any) -> None:
    item = hang(alice, drawn(1))
    lost = Item.objects.create(user=alice, width=1, height=1, size=0)  # its file is not there
    PictureHash.objects.all().delete()
    Item.objects.update(prints=None)
    for _twice in range(2):
        call_command("make_hashes", stdout=StringIO())
    assert (item.hashes.count(), lost.hashes.count()) == (len(pdq.CROPS), 0)
    assert not Item.objects.filter(prints=None).exists()


# ---------------------------------------------------------------- lists


def test_a_list_goes_in_and_out() -> None:
    text = f"# a remark\n\n{LINE}\n{HEX.upper()},Others,2026-01-31\n"
    assert [lists.bring_in(text) for _twice in range(2)] == [2, 0]
    out = "".join(lists.give_out())
    assert out == f"# hash,source,date\n{LINE}\n{HEX},Others,2026-01-31\n"
    BlockedHash.objects.all().delete()
    assert lists.bring_in(out) == 2


@pytest.mark.parametrize(
    "line",
    [
        "f8",
        f"{HEX},StopNCII",
        f"{HEX},,2026-11-02",
        f"{HEX},StopNCII,yesterday",
        f"{HEX[:-1]}g,StopNCII,2026-11-02",
        f"{HEX},{'x' * 81},2026-11-02",
        f"{HEX},a\0b,2026-11-02",
    ],
)
def test_a_broken_line_is_named_and_nothing_is_imported(line: str) -> None:
    with pytest.raises(lists.ListBroken) as refused:
        lists.bring_in(f"{LINE}\n{line}\n")
    assert "Line 2 " in refused.value.detail
    assert BlockedHash.objects.count() == 0


def test_staff_with_the_right_import_and_export_and_it_is_on_record() -> None:
    client = logged_in(staff_with("moderation.change_hash_lists", "moderation.view_blockedhash"))
    page = "/admin/moderation/blockedhash/"
    for text, words in ((LINE, "1 new hash."), ("f8", "Line 1 cannot be read"), (None, "no file")):
        files = {"list": SimpleUploadedFile("l.txt", text.encode())} if text else {}
        assert words in client.post(f"{page}import/", files, follow=True).text
    assert LINE in client.get(f"{page}export/").getvalue().decode()
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"change_hashes", "export_hashes"}


def test_staff_without_the_right_do_neither() -> None:
    client = logged_in(staff_with("moderation.view_blockedhash"))
    for verb in ("import", "export"):
        assert client.post(f"/admin/moderation/blockedhash/{verb}/").status_code == 403


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def listed() -> None:
    bits, _quality = pdq.hash_of(drawn(1))
    BlockedHash.of(bits, source="StopNCII", date="2026-11-02").save()


def test_an_upload_on_the_list_is_refused(listed: None, as_alice: Any) -> None:
    from tests.moderation.pictures import png

    file = SimpleUploadedFile("p.png", png(drawn(1)))
    answer = as_alice.post("/api/v1/restorations", {"image": file}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (422, "picture_blocked")
    assert AuditEntry.objects.get().detail == "StopNCII"


def test_a_photo_on_the_list_is_refused(
    listed: None, twin: Any, judge: Any, work: Any, as_alice: Any
) -> None:
    from ml import media

    photo = media.encode_jpeg(drawn(1, 768))
    as_alice.post(f"/api/v1/twins/{twin.id}/photos", {"file": SimpleUploadedFile("p.jpg", photo)})
    work()
    found = twin.photos.get()
    assert (found.accepted, found.code) == (False, "picture_blocked")


def test_a_result_on_the_list_is_refused_and_costs_nothing(
    listed: None, trained: Any, engine: Any, work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing import ledger
    from generation.services import request_images
    from tests import studio
    from tests.moderation.pictures import png

    ledger.grant(ledger.wallet_of(trained.user), 10, cause="test")
    monkeypatch.setattr(studio, "paint", lambda lora, seed: png(drawn(1)))
    from django.test import TestCase

    with TestCase.captureOnCommitCallbacks(execute=True):
        job = request_images(trained.user, twin=trained, prompt="in a park")
    work()
    job.refresh_from_db()
    assert (job.status, job.error_code, job.captured) == ("failed", "result_refused", 0)
    assert Item.objects.count() == 0
