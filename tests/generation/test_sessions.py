"""Sessions: named groups of trainings, jobs and pictures, followed, repeated and deleted as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import ledger
from billing.models import Plan
from gallery.models import Item
from generation.models import Job
from generation.packs import services as packs
from generation.services import request_images
from generation.sessions import services
from generation.sessions.following import state_of
from generation.sessions.models import Session
from tests.engines import version_of
from tests.orders import with_weights
from tests.studio import EngineDouble
from twins.models import Training, Twin

pytestmark = pytest.mark.django_db
SESSIONS = "/api/v1/sessions"


@pytest.fixture
def rich(twin: Twin, engine: EngineDouble, wake_ups: list[Any]) -> Twin:
    return with_weights(twin)


@pytest.fixture
def session(rich: Twin, work: Callable[[], int], django_capture_on_commit_callbacks: Any) -> Session:
    """One with a picture of the studio, an order of headshots and the twin's training."""
    made = services.create(rich.user, name="Spring")
    with django_capture_on_commit_callbacks(execute=True):
        made.jobs.add(request_images(rich.user, twin=rich, prompt="in a park"))
        made.jobs.add(packs.order(rich.user, twin=rich, pack="office", count=8))
    made.trainings.add(rich.active_training)
    work()
    return made


def test_a_session_shows_its_runs_as_one(as_alice: Any, session: Session) -> None:
    shown = as_alice.get(f"{SESSIONS}/{session.id}").json()
    assert (shown["name"], shown["status"], shown["progress"], shown["pictures"]) == (
        "Spring",
        "succeeded",
        1.0,
        9,
    )
    assert (len(shown["jobs"]), len(shown["trainings"])) == (2, 1)
    assert as_alice.get(SESSIONS).json()["results"] == [shown]


@pytest.mark.parametrize(
    "statuses, status, progress",
    [
        ([], "succeeded", 0.0),
        (["queued"], "queued", 0.5),
        (["succeeded", "running"], "running", 0.75),
        (["failed", "succeeded"], "succeeded", 1.0),
        (["failed", "cancelled"], "failed", 1.0),
        (["cancelled"], "cancelled", 1.0),
    ],
)
def test_the_progress_is_the_mean_of_the_runs(statuses: list[str], status: str, progress: float) -> None:
    state = state_of([Job(status=each, share=0.5) for each in statuses])
    assert (state.status, state.progress, state.runs) == (status, progress, len(statuses))


def test_it_is_made_renamed_and_filled_by_its_owner(as_alice: Any, as_bob: Any, session: Session) -> None:
    made = as_alice.post(SESSIONS, {"name": "Summer"}, format="json").json()["id"]
    item = Item.objects.filter(user=session.user).first()
    assert item is not None
    form = {"name": "Autumn", "add": {"items": [str(item.id)], "jobs": [str(item.job)]}}
    shown = as_alice.patch(f"{SESSIONS}/{made}", form, format="json").json()
    assert (shown["name"], shown["jobs"], shown["pictures"] >= 1) == ("Autumn", [str(item.job)], True)
    shown = as_alice.patch(f"{SESSIONS}/{made}", {"remove": {"jobs": [str(item.job)]}}, format="json").json()
    assert (shown["jobs"], shown["pictures"]) == ([], 1)
    assert as_alice.patch(f"{SESSIONS}/{made}", {"name": "Spring"}, format="json").status_code == 422
    assert as_bob.patch(f"{SESSIONS}/{made}", form, format="json").status_code == 404


def test_a_strangers_things_are_not_added(as_bob: Any, session: Session) -> None:
    mine = as_bob.post(SESSIONS, {"name": "Mine"}, format="json").json()["id"]
    theirs = {
        "jobs": [str(job.id) for job in session.jobs.all()],
        "trainings": [str(training.id) for training in session.trainings.all()],
        "items": [str(ident) for ident in Item.objects.values_list("id", flat=True)],
    }
    shown = as_bob.patch(f"{SESSIONS}/{mine}", {"add": theirs}, format="json").json()
    assert (shown["jobs"], shown["trainings"], shown["pictures"]) == ([], [], 0)


def test_all_pictures_are_made_again_and_twice_is_once(as_alice: Any, session: Session) -> None:
    again, twice = (
        as_alice.post(f"{SESSIONS}/{session.id}/repeat", {}, format="json", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert again.status_code == 202, again.json()
    assert again.json()["id"] == twice.json()["id"]
    assert (again.json()["name"], len(again.json()["jobs"]), again.json()["trainings"]) == (
        "Spring (2)",
        2,
        [],
    )
    assert set(Job.objects.filter(sessions=again.json()["id"]).values_list("kind", "count")) == {
        ("image", 1),
        ("headshots", 8),
    }
    other = as_alice.post(
        f"{SESSIONS}/{session.id}/repeat",
        {"twin": str(session.user.twins.get().id)},
        format="json",
        headers={"Idempotency-Key": "k"},
    )
    assert other.json()["code"] == "idempotency_mismatch"


def test_it_is_repeated_with_another_twin(as_alice: Any, session: Session) -> None:
    Plan.objects.filter(code="free").update(twins=2)
    other = Twin.objects.create(user=session.user, name="Other")
    version_of(other, "nano")
    again = as_alice.post(f"{SESSIONS}/{session.id}/repeat", {"twin": str(other.id)}, format="json").json()
    assert {job.twin for job in Job.objects.filter(sessions=again["id"])} == {other}


def test_all_of_it_is_repeated_or_nothing(as_alice: Any, session: Session) -> None:
    wallet = ledger.wallet_of(session.user)
    ledger.hold(wallet, ledger.balance(wallet).available - 5, cause="test:held")
    before = ledger.balance(wallet), Job.objects.count()
    answer = as_alice.post(f"{SESSIONS}/{session.id}/repeat", {}, format="json")
    assert answer.json()["code"] == "not_enough_credits"
    assert (ledger.balance(wallet), Job.objects.count(), Session.objects.count()) == (*before, 1)
    packs.Pack.objects.all().delete()
    assert as_alice.post(f"{SESSIONS}/{session.id}/repeat", {}, format="json").json()["code"] == "pack_gone"


def test_a_session_without_prompts_has_nothing_to_repeat(as_alice: Any, alice: Any) -> None:
    made = services.create(alice, name="Empty")
    made.jobs.add(Job.objects.create(user=alice, kind="restore", of_twin=False, seed=1))
    answer = as_alice.post(f"{SESSIONS}/{made.id}/repeat", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_repeat")


def test_a_deleted_session_leaves_what_was_in_it(as_alice: Any, session: Session) -> None:
    assert as_alice.delete(f"{SESSIONS}/{session.id}").json() == {"pictures": 0}
    assert (Session.objects.count(), Item.objects.count(), Job.objects.count()) == (0, 9, 2)


def test_with_its_pictures_it_deletes_those_and_stops_open_work(
    as_alice: Any, session: Session, django_capture_on_commit_callbacks: Any
) -> None:
    open_ = request_images(session.user, twin=session.trainings.get().twin, prompt="in a park")
    session.jobs.add(open_)
    other = Item.objects.create(user=session.user, width=8, height=8, size=1, etag="x")
    assert as_alice.delete(f"{SESSIONS}/{session.id}?pictures=true").json() == {"pictures": 9}
    open_.refresh_from_db()
    assert (open_.status, list(Item.objects.all()), Training.objects.count()) == ("cancelled", [other], 1)


def test_the_pages_of_a_session(client: Any, session: Session) -> None:
    client.force_login(session.user)
    where = f"/sessions/{session.id}/"
    assert "Spring" in client.get("/sessions/").content.decode()
    assert client.post("/sessions/", {"name": "Another"})["Location"] != where
    text = client.get(where).content.decode()
    assert "9 pictures" in text
    assert client.get(f"{where}state/").status_code == 200
    session.trainings.clear()
    client.post(f"{where}add/", {"training": str(session.user.twins.get().active_training_id)})
    assert session.trainings.count() == 1
    client.post(f"{where}name/", {"name": "Summer"})
    again = client.post(f"{where}repeat/", {"key": "page"})["Location"]
    assert client.post(f"{where}repeat/", {"key": "page"})["Location"] == again
    assert "Summer (2)" in client.get(again).content.decode()
    client.post(f"{where}delete/", {"pictures": "1"})
    assert not Item.objects.exists()
