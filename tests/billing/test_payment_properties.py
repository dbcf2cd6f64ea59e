"""The money adds up after any sequence of payments, with events late, repeated and in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import audit, ledger
from billing.models import Invoice, Plan, StripePrice, Subscription, Wallet
from billing.payments import invoices, reconcile, subscriptions, sync, webhooks
from tests.billing.shop import SECRETS, Shop, opened
from tests.payments.stripe import signed
from tests.plugin import Share

pytestmark = [pytest.mark.django_db, pytest.mark.workers]
SEQUENCES, STEPS = (2000, 15), 6  # stories with --thorough (nine minutes) and without; steps of a story
PLANS, INTERVALS = ("creator", "pro", "enterprise"), ("month", "year")


class Story(RuleBasedStateMachine):
    """One user's payments. They are rolled back at the end, so each story begins with an empty ledger."""

    shop: Shop
    user: Any
    fresh: dict[str, Any]  # Stripe as it is before anybody buys
    seen: dict[str, int]

    @initialize(late=st.booleans(), plan=st.sampled_from((None, *PLANS)), seed=st.integers(0, 9))
    def begin(self, late: bool, plan: str | None, seed: int) -> None:
        Story.shop.fake.__dict__.update(deepcopy(Story.fresh))
        self.late, self.held, self.causes = late, {}, 0  # type: ignore[var-annotated]
        self.waiting: list[dict[str, Any]] = []
        self.point = transaction.atomic()
        self.point.__enter__()
        self.wallet = ledger.wallet_of(Story.user)
        if plan:
            self.subscribe(plan, "month", True, seed)

    def teardown(self) -> None:
        if hasattr(self, "point"):
            try:
                self.everything_was_heard()
            finally:
                transaction.set_rollback(True)
                self.point.__exit__(None, None, None)

    # ---------------------------------------------------------------- what happens

    def hear(self, seed: int) -> None:
        """Delivers events in random order, some twice. With `late`, some wait for the next delivery."""
        self.shop.fake.flush(self.waiting.append)
        dice = random.Random(seed)
        now = [e for e in self.waiting if not self.late or dice.random() < 0.7]
        self.waiting = [e for e in self.waiting if e not in now]
        now += dice.sample(now, len(now) // 3)
        dice.shuffle(now)
        for event in now:
            if event["type"] in TOLD:
                webhooks.receive(*signed(event, SECRETS[dice.random() < 0.5]))

    def subscription(self) -> Any:
        found = [
            o
            for o in self.shop.fake.objects.values()
            if o.get("object") == "subscription" and not o["ended_at"]
        ]
        return found[0] if found else None

    def count(self, what: str) -> None:
        Story.seen[what] = Story.seen.get(what, 0) + 1

    @rule(
        plan=st.sampled_from(PLANS),
        interval=st.sampled_from(INTERVALS),
        works=st.sampled_from((True, True, True, False)),
        seed=st.integers(0, 9),
    )
    def subscribe(self, plan: str, interval: str, works: bool, seed: int) -> None:
        if self.subscription() is None and subscriptions.live_subscription(self.wallet) is None:
            self.shop.fake.pay(self.shop.session(Story.user, plan=plan, interval=interval), works=works)
            self.count("subscribe")
        self.hear(seed)

    @precondition(lambda self: hasattr(self, "point") and self.subscription() is not None)
    @rule(plan=st.sampled_from(PLANS), seed=st.integers(0, 9))
    def change(self, plan: str, seed: int) -> None:
        found = self.subscription()
        item = found["items"]["data"][0]["price"]
        interval = item["recurring"]["interval"]
        wanted = StripePrice.objects.get(plan=plan, interval=interval, current=True)
        if (
            found["status"] == "active"
            and item["id"] != wanted.id
            and not found["cancel_at"]
            and not found["cancel_at_period_end"]
        ):
            self.shop.fake.change(found["id"], wanted.id)
            self.count("upgrade" if wanted.cents > item["unit_amount"] else "downgrade")
        self.hear(seed)

    @rule(pack=st.sampled_from(("small", "large")), seed=st.integers(0, 9))
    def buy(self, pack: str, seed: int) -> None:
        self.shop.fake.pay(self.shop.session(Story.user, pack=pack))
        self.count("buy")
        self.hear(seed)

    @rule(days=st.sampled_from((5, 16, 31)), fails=st.booleans(), seed=st.integers(0, 9))
    def time_goes_by(self, days: int, fails: bool, seed: int) -> None:
        """Lets days pass: renewals succeed or fail, months of a year begin, plans lapse, credits expire."""
        self.wallet.refresh_from_db()
        before = len(Invoice.objects.all())
        if fails and self.wallet.stripe_customer:
            self.shop.fake.fail_next(self.wallet.stripe_customer)
        self.shop.fake.advance(days * 86400)
        self.hear(seed)
        invoices.next_months()
        sync.lapse()
        self.count("expire" if ledger.expire() else "wait")
        self.count("fail" if fails else "renew" if len(Invoice.objects.all()) > before else "wait")

    @precondition(
        lambda self: (
            hasattr(self, "point") and Invoice.objects.filter(status="paid").exclude(payment="").exists()
        )
    )
    @rule(
        which=st.integers(0, 9),
        share=st.sampled_from((0.3, 1.0)),
        how=st.sampled_from(("refund", "dispute", "won")),
        seed=st.integers(0, 9),
    )
    def goes_back(self, which: int, share: float, how: str, seed: int) -> None:
        paid = list(Invoice.objects.filter(status="paid", total__gt=0).exclude(payment="").order_by("id"))
        charge = self.shop.fake.objects[self.shop.charge(paid[which % len(paid)])]
        left = charge["amount"] - charge["amount_refunded"]
        if how == "refund" and left and not charge["disputed"]:
            self.shop.fake.refund(charge["id"], max(1, int(left * share)))
            self.count("refund")
        if how != "refund" and not charge["disputed"] and not charge["refunded"]:
            dispute = self.shop.fake.dispute(charge["id"])
            self.count("dispute")
            if how == "won":
                self.hear(seed)
                self.shop.fake.close_dispute(dispute["id"], won=True)
        self.hear(seed)

    @rule(amount=st.sampled_from((1, 3, 30, 180)))
    def hold(self, amount: int) -> None:
        self.causes += 1
        before = ledger.balance(self.wallet)
        try:
            for _ in range(2):
                ledger.hold(self.wallet, amount, cause=f"job:{self.causes}")
        except (ledger.NotEnoughCredits, ledger.PaymentDue):
            assert before.available < amount or before.owed
            return
        self.held[f"job:{self.causes}"] = amount
        assert ledger.balance(self.wallet).available == before.available - amount
        self.count("hold")

    @precondition(lambda self: getattr(self, "held", None))
    @rule(which=st.integers(0, 9), share=st.sampled_from((0.0, 0.5, 1.0)))
    def settle(self, which: int, share: float) -> None:
        cause = sorted(self.held)[which % len(self.held)]
        amount = self.held.pop(cause)
        assert [ledger.settle(cause, captured=int(amount * share)), ledger.settle(cause, captured=0)] == [
            int(amount * share),
            0,
        ]
        self.count("capture" if share else "release")

    @rule(amount=st.integers(1, 50), again=st.booleans())
    def grant(self, amount: int, again: bool) -> None:
        self.causes += 1
        before = ledger.balance(self.wallet)
        for _ in range(1 + again):
            ledger.grant(self.wallet, amount, cause=f"staff:{self.causes}")
        after = ledger.balance(self.wallet)
        assert after.available - after.owed == before.available - before.owed + amount
        self.count("grant")

    # ---------------------------------------------------------------- what always holds

    @invariant()
    def it_adds_up(self) -> None:
        if hasattr(self, "point"):
            assert audit.problems(runs=False) == []
            found = ledger.balance(self.wallet)
            assert found.held == sum(self.held.values())
            assert found.available >= 0
            assert found.owed >= 0
            assert not (found.available and found.owed)

    def everything_was_heard(self) -> None:
        """After all events, a reconciliation with Stripe finds no difference."""
        self.late = False
        self.hear(0)
        self.count("story")
        if Story.seen["story"] % 4:
            return
        assert list(reconcile.everybody(dry_run=True)) == []
        wallet = Wallet.objects.get(id=self.wallet.id)
        live = [s.plan for s in Subscription.objects.select_related("plan") if s.is_live(self.shop.clock())]
        assert wallet.plan == max(live, key=lambda p: p.order, default=Plan.objects.get(code="free"))


TOLD = {
    "checkout.session.completed",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
}


@pytest.fixture
def told(alice: Any, settings: Any) -> Iterator[type[Story]]:
    with opened(settings) as shop:
        Story.shop, Story.user, Story.seen = shop, alice, {}
        Story.fresh = {k: v for k, v in shop.fake.__dict__.items() if k not in ("lock", "_delivering")}
        Story.fresh = deepcopy(Story.fresh)
        yield Story


def test_every_story_of_payments_adds_up(told: type[Story], share: Share) -> None:
    sequences = share.number(*SEQUENCES)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        told,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    everything = {
        "subscribe",
        "upgrade",
        "downgrade",
        "renew",
        "fail",
        "refund",
        "dispute",
        "buy",
        "hold",
        "capture",
        "release",
        "expire",
        "grant",
    }
    least = sequences // 100
    assert {name: told.seen.get(name, 0) for name in everything if told.seen.get(name, 0) < least} == {}
