"""Each staff action needs its own permission and writes one audit entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from billing import ledger
from billing.models import Invoice, Transfer, WebhookEvent
from moderation.models import AuditEntry
from tests.billing.shop import Shop, opened
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db


@dataclass
class Action:
    """`permission` allows action `name` on row `ident` of a list. `done` counts its effects."""

    permission: str
    model: str
    name: str
    ident: str
    done: Callable[[], int]
    form: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> str:
        return self.permission.split(".")[0]

    def do(self, client: Any) -> None:
        chosen = {"action": self.name, "_selected_action": [self.ident]}
        client.post(f"/admin/{self.app}/{self.model}/", chosen | self.form)


def failed(run: Any) -> Any:
    claimed = type(run).claim(run.id)
    claimed.fail("internal")
    return claimed


@pytest.fixture
def retry_training(twin: Any, photos: list[Any], wake_ups: list[Any]) -> Action:
    from twins.models import Training
    from twins.services import start_training

    run = failed(start_training(twin))
    done = Training.objects.filter(retry_of=run.id).count
    return Action("twins.retry_training", "training", "retry", str(run.id), done)


@pytest.fixture
def retry_job(trained: Any, wake_ups: list[Any]) -> Action:
    from generation.models import Job
    from generation.services import request_images

    run = failed(request_images(trained.user, twin=trained, prompt="in a park"))
    done = Job.objects.filter(retry_of=run.id).count
    return Action("generation.retry_job", "job", "retry", str(run.id), done)


def moved(alice: Any, permission: str, name: str, kind: str) -> Action:
    wallet = ledger.wallet_of(alice)
    done = Transfer.objects.filter(wallet=wallet.id, kind=kind, cause__startswith="staff:").count
    form = {"amount": "2", "reason": "a tester", "key": "k1"}
    return Action(permission, "wallet", name, str(wallet.id), done, form)


@pytest.fixture
def grant_credits(alice: Any) -> Action:
    return moved(alice, "billing.grant_credits", "grant", Transfer.Kind.GRANT)


@pytest.fixture
def take_credits(alice: Any) -> Action:
    return moved(alice, "billing.take_credits", "correct", Transfer.Kind.CORRECT)


@pytest.fixture
def shop(settings: Any) -> Iterator[Shop]:
    with opened(settings) as shop:
        yield shop


@pytest.fixture
def refund_invoice(shop: Shop, alice: Any) -> Action:
    bill = shop.buy(alice)
    done = Invoice.objects.filter(id=bill.id, refunded=bill.total).count
    return Action("billing.refund_invoice", "invoice", "refund", bill.id, done)


@pytest.fixture
def retry_event(shop: Shop, alice: Any) -> Action:
    shop.fake.pay(shop.session(alice, pack="small"))
    shop.fake.down = True
    shop.deliver()
    shop.fake.down = False
    event = WebhookEvent.objects.filter(state="failed")[0]
    done = WebhookEvent.objects.filter(id=event.id).exclude(state="failed").count
    return Action("billing.retry_event", "webhookevent", "retry", event.id, done)


@pytest.fixture
def approve_publication(alice: Any) -> Action:
    from gallery.sharing.models import Publication
    from gallery.sharing.publishing import submit
    from tests.gallery.pictures import hang

    row = submit(alice, hang(alice), author="Ana")
    done = Publication.objects.shown().filter(id=row.id).count
    return Action("gallery.approve_publication", "publication", "approve", str(row.id), done)


ACTIONS = (
    *("retry_training", "retry_job", "grant_credits", "take_credits", "refund_invoice", "retry_event"),
    "approve_publication",
)


@pytest.fixture(params=ACTIONS)
def action(request: Any) -> Action:
    return request.getfixturevalue(request.param)


def test_an_action_asked_for_twice_is_done_once_and_leaves_one_entry(action: Action) -> None:
    staff = staff_with(f"{action.app}.view_{action.model}", action.permission)
    for _twice in range(2):
        action.do(logged_in(staff))
    assert action.done() == 1
    entry = AuditEntry.objects.get(actor=staff)
    assert entry.verb == action.permission.split(".")[1]
    assert (entry.subject_kind, entry.subject_id) == (action.model, action.ident)


def test_who_may_view_and_change_but_not_act_does_nothing(action: Action) -> None:
    rights = [f"{action.app}.{verb}_{action.model}" for verb in ("view", "change", "add", "delete")]
    staff = staff_with(*rights)
    action.do(logged_in(staff))
    assert action.done() == 0
    assert not AuditEntry.objects.filter(actor=staff).exists()


def test_what_did_not_fail_is_not_run_again_and_leaves_no_entry(
    twin: Any, photos: list[Any], wake_ups: Any
) -> None:
    from twins.models import Training
    from twins.services import start_training

    run = start_training(twin)
    staff = staff_with("twins.view_training", "twins.retry_training")
    Action("twins.retry_training", "training", "retry", str(run.id), int).do(logged_in(staff))
    assert Training.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_a_word_that_staff_block_and_free_again_is_on_record() -> None:
    staff = staff_with(*(f"moderation.{verb}_blockedterm" for verb in ("view", "add", "change", "delete")))
    client = logged_in(staff)
    for lines in ("boat # x", ""):
        said = {"lines": lines, "why": "as the law asks"}
        client.post("/admin/moderation/blockedterm/lists/words/", said)
    verbs = AuditEntry.objects.filter(actor=staff).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["change_words", "change_words"]
