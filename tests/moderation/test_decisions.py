"""Decisions: a removal hides a subject and every copy at once, is undone for ten minutes, told, appealed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.notices.digests import send_due
from accounts.vault.vault import store
from config.errors import Invalid
from gallery import moderated
from gallery.models import Item
from ml import pdq
from ml.types import Face
from moderation.cases import deciding, services, tasks, watching
from moderation.cases.models import Case, Decision, Match
from moderation.hashes.models import BlockedHash
from moderation.models import AuditEntry
from moderation.policy import PictureBlocked
from tests.conftest import client_of
from tests.moderation.pictures import COPIES, Remarks, drawn, hang

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(alice: Any) -> Any:
    return hang(alice, drawn(1))


@pytest.fixture
def case(item: Any) -> Case:
    ana = services.Sender(contact="ana@example.com")
    return services.take_notice(ana, name="Ana", address=f"/gallery/{item.id}/").case


def remove(case: Case, actor: Any, **more: Any) -> Decision:
    return deciding.decide(case, actor=actor, outcome="remove", reason="no_consent", **more)


def later(minutes: int) -> None:
    """Lets the decisions be so much older."""
    for made in Decision.objects.all():
        Decision.objects.filter(id=made.id).update(at=made.at - timedelta(minutes=minutes))


def seen_by(user: Any, item: Any) -> list[int]:
    client = client_of(user)
    paths = ("", "/content", "/thumbnail", "/stack", "/faces")
    codes = [client.get(f"/api/v1/items/{item.id}{path}").status_code for path in paths]
    return [*codes, len(client.get("/api/v1/items").json()["results"])]


def test_a_removal_takes_it_and_every_copy_out_of_sight_at_once(
    case: Case, item: Any, alice: Any, bob: Any, staff: Any
) -> None:
    copies = [hang(bob, change(drawn(1))) for change in COPIES.values()]
    other = hang(bob, drawn(2))
    remove(case, staff)
    assert seen_by(alice, item) == [404, 404, 404, 404, 404, 0]
    assert seen_by(bob, copies[0]) == [404, 404, 404, 404, 404, 1]
    assert set(Item.objects.filter(hidden=False)) == {other}
    assert client_of(bob).get(f"/api/v1/items/{other.id}/content").status_code == 200
    case.refresh_from_db()
    assert (case.state, case.claimed_by) == ("decided", None)
    assert AuditEntry.objects.filter(actor=staff, verb="decide_remove", subject_id=str(case.id)).exists()


@pytest.mark.parametrize("kept", [True, False], ids=["hashes kept", "hashes not made"])
def test_a_removed_picture_is_blocked_for_all_that_comes(
    case: Case, item: Any, bob: Any, staff: Any, kept: bool
) -> None:
    if kept:
        store(item.user_id).delete(item.thumbnail)
    else:
        Item.objects.filter(id=item.id).update(prints=None)
    remove(case, staff)
    assert BlockedHash.objects.filter(source=case.number).count() == len(pdq.CROPS)
    with pytest.raises(PictureBlocked):
        hang(bob, COPIES["half"](drawn(1)))


@pytest.mark.parametrize("undone", [False, True], ids=["stands", "undone"])
def test_what_came_after_the_look_for_copies_is_found_by_a_worker(
    case: Case, bob: Any, staff: Any, undone: bool, django_capture_on_commit_callbacks: Any
) -> None:
    watching.find_copies()
    copy = hang(bob, COPIES["half"](drawn(1)))
    with django_capture_on_commit_callbacks(execute=True):
        made = remove(case, staff)
    if undone:
        deciding.undo(made, actor=staff)
    tasks.find_copies(str(case.id))
    copy.refresh_from_db()
    assert copy.hidden is not undone
    case.refresh_from_db()
    assert case.matched


def test_a_hidden_picture_is_in_no_album_no_archive_and_no_locked_area(
    case: Case, item: Any, alice: Any, staff: Any
) -> None:
    from gallery import exports
    from gallery.models import Album, AlbumItem
    from gallery.shelf import albums

    album = Album.objects.create(user=alice, name="a")
    AlbumItem.objects.create(album=album, item=item)
    remove(case, staff)
    assert albums.sizes([album]) == {album.id: 0}
    assert albums.with_covers(Album.objects.all()).get().cover is None
    files = [member for member in exports.gallery(alice) if not member.path.endswith(".json")]
    assert [member.chunks for member in files] == [None]
    assert list(exports.items(alice, {"filter": {}})) == []


def test_a_doubtful_copy_waits_for_a_person(
    case: Case, bob: Any, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml import overlay

    copy = hang(bob, COPIES["half"](drawn(1)))
    monkeypatch.setattr(overlay, "COPY", 2.0)  # nothing agrees so much
    watching.find_copies()
    match = Match.objects.get()
    assert (match.subject_id, match.state) == (str(copy.id), "look")
    made = remove(case, staff)
    copy.refresh_from_db()
    assert not copy.hidden
    deciding.undo(made, actor=staff)
    remove(case, staff, chosen=(match.id,))
    copy.refresh_from_db()
    assert copy.hidden


def test_an_undo_within_ten_minutes_brings_everything_back(
    case: Case, item: Any, alice: Any, bob: Any, staff: Any
) -> None:
    hang(bob, COPIES["mirror"](drawn(1)))
    made = remove(case, staff)
    later(9)
    deciding.undo(made, actor=staff)
    case.refresh_from_db()
    assert (case.state, Item.objects.filter(hidden=True).count()) == ("open", 0)
    assert BlockedHash.objects.count() == 0
    assert seen_by(alice, item)[:3] == [200, 200, 200]
    with pytest.raises(deciding.TooLateToUndo):
        deciding.undo(made, actor=staff)


def test_after_ten_minutes_a_decision_stands_and_both_sides_are_told(
    case: Case, alice: Any, bob: Any, staff: Any
) -> None:
    hang(bob, COPIES["half"](drawn(1)))
    made = remove(case, staff, text="It is her.")
    watching.watch()
    assert [m for m in mail.outbox if "decided" in m.subject] == []
    later(11)
    for _twice in range(2):
        watching.tell_outcomes()
    told = {m.to[0]: str(m.body) for m in mail.outbox}
    assert len(mail.outbox) == 3
    assert set(told) == {"ana@example.com", alice.email, bob.email}
    for body in told.values():
        assert "The person shown did not agree to it.\nIt is her." in body
    for user in (alice, bob):
        told_in_app = client_of(user).get("/api/v1/notifications").json()["results"]
        (text,) = (each["text"] for each in told_in_app if each["kind"] == "taken_down")
        assert "The person shown did not agree to it." in text
    assert send_due() == 0  # the e-mails above are all
    assert "Ana" not in told[alice.email]
    assert f"/decisions/{made.id}/" in told[alice.email]
    with pytest.raises(deciding.TooLateToUndo):
        deciding.undo(made, actor=staff)


def test_the_owner_of_a_copy_reads_the_decision_and_appeals(case: Case, bob: Any, staff: Any) -> None:
    copy = hang(bob, COPIES["half"](drawn(1)))
    made = remove(case, staff)
    browser = Client()
    browser.force_login(bob)
    page = browser.get(f"/decisions/{made.id}/")
    assert "We took something of yours down." in page.text
    assert appeal(client_of(bob), made).json()["state"] == "appealed"
    deciding.decide(case, actor=staff, outcome="keep", reason="allowed")
    copy.refresh_from_db()
    assert not copy.hidden


class Finder:
    """Knows where the faces of pictures are, by their size."""

    def __init__(self, places: dict[tuple[int, ...], Face]) -> None:
        self.places = places

    def find(self, picture: np.ndarray) -> list[Face]:
        return [self.places[picture.shape[:2]]]


def test_a_copy_that_was_cropped_on_one_side_is_found_by_the_face(
    case: Case, item: Any, bob: Any, staff: Any
) -> None:
    """MTCNN's own accuracy: `python -m bench.copies`."""
    cut = 80
    copy = hang(bob, drawn(1)[:, cut:])
    points = ((162.0, 160.0), (222.0, 160.0), (192.0, 190.0), (168.0, 220.0), (216.0, 220.0))
    moved = tuple((x - cut, y) for x, y in points)
    whole, part = (384, 384), (384, 384 - cut)
    places = {whole: Face((140, 120, 240, 250), 1.0, points), part: Face((60, 120, 160, 250), 1.0, moved)}
    watching.find_copies()
    assert not Match.objects.exists()
    assert moderated.find_missing_faces(Finder(places), 10) == 2
    assert moderated.find_missing_faces(Finder(places), 10) == 0
    assert list(Item.objects.filter(id=copy.id).values_list("face_widths", flat=True)) == [[0.3289]]
    remove(case, staff)
    tasks.find_copies(str(case.id))
    (match,) = Match.objects.all()
    assert (match.subject_id, match.owner) == (str(copy.id), bob)


def test_a_picture_like_a_removed_one_is_refused(case: Case, bob: Any, staff: Any) -> None:
    from moderation.policy import PictureBlocked

    remove(case, staff)
    for change in COPIES.values():
        with pytest.raises(PictureBlocked):
            hang(bob, change(drawn(1)))
    hang(bob, drawn(2))
    assert AuditEntry.objects.filter(actor=bob, verb="picture_blocked", detail=case.number).count() == 5


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "burn", "reason": "allowed"},
        {"outcome": "keep", "reason": "minor"},
        {"outcome": "remove", "reason": "allowed"},
        {"outcome": "remove", "reason": "other", "text": "short"},
        {"outcome": "keep", "reason": "allowed", "text": "x" * 1001},
    ],
)
def test_a_decision_needs_a_reason_of_its_list(case: Case, staff: Any, said: Any) -> None:
    with pytest.raises(Invalid):
        deciding.decide(case, actor=staff, **said)
    assert Decision.objects.count() == 0


def test_a_case_is_decided_once_and_by_who_has_it(case: Case, staff: Any, admin_user: Any) -> None:
    assert deciding.next_case(actor=staff) == case
    assert deciding.next_case(actor=admin_user) is None
    with pytest.raises(deciding.CaseTaken):
        remove(case, admin_user)
    Case.objects.update(claimed_at=timezone.now() - timedelta(minutes=16))
    remove(case, admin_user)
    with pytest.raises(deciding.CaseClosed):
        remove(case, staff)


def test_who_looks_types_why(case: Case, staff: Any) -> None:
    with pytest.raises(deciding.ReasonMissing):
        deciding.look(case, actor=staff, reason="   why    ")
    deciding.look(case, actor=staff, reason="the takedown of Ana")
    assert AuditEntry.objects.get(verb="look_case").detail == "the takedown of Ana"


# ---------------------------------------------------------------- appeals


def appeal(client: Any, made: Decision, text: str = "I agreed to this picture.") -> Any:
    return client.post(f"/api/v1/decisions/{made.id}/appeal", {"text": text}, format="json")


def test_the_owner_appeals_once_and_gets_it_back(case: Case, item: Any, alice: Any, staff: Any) -> None:
    made = remove(case, staff)
    assert appeal(client_of(alice), made).json() == {
        "case": case.number,
        "kind": "takedown",
        "state": "appealed",
    }
    assert appeal(client_of(alice), made).json()["code"] == "appealed_already"
    deciding.decide(case, actor=staff, outcome="keep", reason="allowed")
    item.refresh_from_db()
    assert not item.hidden
    assert BlockedHash.objects.count() == 0
    assert appeal(client_of(alice), made).json()["code"] == "appeal_too_late"


def test_a_reporter_appeals_too(as_bob: Any, bob: Any, remarks: Remarks, staff: Any) -> None:
    case = services.report(services.Sender(user=bob), kind="remark", ident="r1", reason="hate").case
    made = deciding.decide(case, actor=staff, outcome="keep", reason="allowed")
    assert appeal(as_bob, made).status_code == 201
    deciding.decide(case, actor=staff, outcome="remove", reason="hate")
    assert remarks.hidden == {"r1"}


def test_a_stranger_has_nothing_to_appeal(case: Case, bob: Any, staff: Any, client: Any) -> None:
    made = remove(case, staff)
    assert appeal(client_of(bob), made).status_code == 404
    assert client.post(f"/api/v1/decisions/{made.id}/appeal").status_code == 401


def test_an_appeal_after_31_days_is_too_late(case: Case, alice: Any, staff: Any) -> None:
    made = remove(case, staff)
    later(31 * 24 * 60)
    answer = appeal(client_of(alice), made)
    assert (answer.status_code, answer.json()["code"]) == (409, "appeal_too_late")


def test_an_appeal_without_words_is_told_so(case: Case, alice: Any, staff: Any) -> None:
    assert appeal(client_of(alice), remove(case, staff), "no").json()["code"] == "invalid"


def test_what_nobody_appealed_is_deleted_after_30_days(case: Case, item: Any, staff: Any) -> None:
    remove(case, staff)
    later(29 * 24 * 60)
    watching.remove_for_good()
    assert Item.objects.filter(id=item.id).exists()
    later(2 * 24 * 60)
    assert [watching.remove_for_good() for _twice in range(2)] == [1, 0]
    assert not Item.objects.filter(id=item.id).exists()


def test_the_page_of_a_decision_takes_an_appeal(
    case: Case, client: Any, alice: Any, bob: Any, staff: Any
) -> None:
    made = remove(case, staff)
    client.force_login(bob)
    assert client.get(f"/decisions/{made.id}/").status_code == 404
    client.force_login(alice)
    assert "We took something of yours down." in client.get(f"/decisions/{made.id}/").text
    for words in ("no", "I agreed to this picture."):
        client.post(f"/decisions/{made.id}/", {"text": words})
    case.refresh_from_db()
    assert case.state == "appealed"
    assert "You appealed." in client.get(f"/decisions/{made.id}/").text


def test_an_erasure_leaves_the_case_and_no_name(case: Case, alice: Any, staff: Any) -> None:
    from moderation.cases.exports import forget

    remove(case, staff, text="Alice is shown")
    forget(alice)
    case.refresh_from_db()
    assert (case.owner, case.decisions.get().text, case.matches.count()) == (None, "", 0)


def test_a_case_of_ten_thousand_notices_is_quick(remarks: Remarks, staff: Any) -> None:
    from moderation.cases.models import Notice

    case = services.report(services.Sender(network="n"), kind="remark", ident="r1", reason="hate").case
    Notice.objects.bulk_create(Notice(case=case, reporter=f"{n:064d}", reason="hate") for n in range(9_999))
    Case.objects.update(count=10_000)
    filed = services.report(services.Sender(network="new"), kind="remark", ident="r1", reason="hate")
    assert filed.case == case
    assert deciding.next_case(actor=staff).count == 10_001  # type: ignore[union-attr]
    assert len(remarks.texts) == 1
