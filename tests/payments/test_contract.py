"""The double is held to Stripe's own library: what it takes, what it answers, what it signs."""

from __future__ import annotations

import json
import time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, build_opener, urlopen

import pytest
import stripe

from .account import DAY, START
from .changes import rounded
from .contract import check_answer
from .page import serve
from .stripe import DoubleClient, FakeStripe, signed

MONTH = 30 * DAY  # November


class Shop:
    """An account with two monthly prices, a yearly one and a pack, and alice who bought a subscription."""

    def __init__(self) -> None:
        self.fake = FakeStripe()
        self.api = stripe.StripeClient("sk_test_new", http_client=DoubleClient(self.fake)).v1
        self.api.products.create({"id": "studio", "name": "Studio"})
        self.small = self.price(1900, "month", lookup_key="small")
        self.large = self.price(4900, "month", lookup_key="large")
        self.year = self.price(19000, "year")
        self.pack = self.price(700, None)
        self.alice = self.api.customers.create(
            {"email": "alice@example.com", "metadata": {"account": "1"}}
        ).id

    def price(self, amount: int, interval: str | None, **more: str) -> str:
        recurring = {"recurring": {"interval": interval}} if interval else {}
        return self.api.prices.create(
            {"product": "studio", "currency": "usd", "unit_amount": amount, **recurring, **more}
        ).id

    def session(self, price: str, mode: str = "subscription", **more):
        lines = [{"price": price, "quantity": 1}]
        return self.api.checkout.sessions.create(
            {
                "mode": mode,
                "customer": self.alice,
                "line_items": lines,
                "success_url": "https://us/ok?s={CHECKOUT_SESSION_ID}",
                "cancel_url": "https://us/",
                **more,
            }
        )

    def subscribe(self, price: str | None = None) -> str:
        made = self.session(price or self.small, subscription_data={"metadata": {"account": "1"}})
        self.fake.pay(made.id)
        return self.api.checkout.sessions.retrieve(made.id).subscription

    def said(self, since: int = 0) -> list[str]:
        return [e["type"] for e in self.fake.events[since:]]

    def portal(self, **more):
        prices = [self.small, self.large, self.year]
        update = {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": [{"product": "studio", "prices": prices}],
        }
        features = {
            "subscription_update": update,
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        }
        config = self.api.billing_portal.configurations.create({"features": features})
        return self.api.billing_portal.sessions.create(
            {"customer": self.alice, "configuration": config.id, "return_url": "https://us/back", **more}
        )

    def latest(self, sub: str):
        return self.api.invoices.retrieve(
            self.api.subscriptions.retrieve(sub).latest_invoice, {"expand": ["payments"]}
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture(autouse=True)
def _every_answer_is_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = FakeStripe.answer

    def checked(self, *args):
        status, headers, said = plain(self, *args)
        if status == 200:
            check_answer(json.loads(said))
        return status, headers, said

    monkeypatch.setattr(FakeStripe, "answer", checked)


@pytest.mark.parametrize(
    "form, param, code",
    [
        ({"payment_method_typez": ["card"]}, "payment_method_typez", "parameter_unknown"),
        (
            {"line_items": [{"price": "p", "quantity": 1, "amount": 5}]},
            "line_items[0][amount]",
            "parameter_unknown",
        ),
        (
            {"line_items": [{"price": "p", "quantity": "two"}]},
            "line_items[0][quantity]",
            "parameter_invalid_integer",
        ),
        ({"customer": ""}, "customer", "parameter_invalid_empty"),
        ({"automatic_tax": {"liability": {"type": "self"}}}, "automatic_tax[enabled]", "parameter_missing"),
        ({"allow_promotion_codes": "yes"}, "allow_promotion_codes", None),
        ({"mode": "subscribe"}, "mode", None),
    ],
)
def test_a_form_that_breaks_the_contract_is_refused(shop: Shop, form, param, code) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.checkout.sessions.create(form)
    assert (refused.value.http_status, refused.value.param, refused.value.code) == (400, param, code)


def test_a_price_cannot_change_its_amount(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: unit_amount"):
        shop.api.prices.update(shop.small, {"unit_amount": 5})  # type: ignore[typeddict-unknown-key]


def test_an_invented_field_is_found() -> None:
    with pytest.raises(AssertionError, match="charge.invoice"):
        check_answer({"object": "charge", "invoice": "in_1"})


def test_either_key_is_taken_and_no_other(shop: Shop) -> None:
    client = DoubleClient(shop.fake)
    assert (
        stripe.StripeClient("sk_test_old", http_client=client).v1.customers.retrieve(shop.alice).email
        == "alice@example.com"
    )
    with pytest.raises(stripe.AuthenticationError) as refused:
        stripe.StripeClient("sk_test_gone", http_client=client).v1.customers.retrieve(shop.alice)
    assert refused.value.http_status == 401


def test_unknown_paths_and_objects_are_404_and_missing_references_400(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as refused:
        shop.api.coupons.retrieve("c")
    assert refused.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.subscriptions.retrieve("sub_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.invoices.list({"customer": "cus_none"})
    assert (refused.value.http_status, refused.value.param) == (400, "customer")


def test_when_stripe_is_down_the_library_says_so(shop: Shop) -> None:
    shop.fake.down = True
    with pytest.raises(stripe.APIConnectionError):
        shop.api.customers.retrieve(shop.alice)


def test_the_same_key_replays_and_with_other_parameters_is_refused(shop: Shop) -> None:
    options = {"idempotency_key": "k"}
    first = shop.api.customers.create({"email": "a@b.c"}, options)
    again = shop.api.customers.create({"email": "a@b.c"}, options)
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        shop.api.customers.create({"email": "x@b.c"}, options)
    shop.fake.advance(DAY)
    assert shop.api.customers.create({"email": "a@b.c"}, options).id != first.id


def test_a_form_refused_for_its_names_frees_its_key(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.api.customers.create({"emial": "a@b.c"}, {"idempotency_key": "k"})
    assert shop.api.customers.create({"email": "a@b.c"}, {"idempotency_key": "k"}).email == "a@b.c"


def test_lists_are_newest_first_and_paged(shop: Shop) -> None:
    made = [shop.api.customers.create({"name": str(i)}).id for i in range(5)]
    page = shop.api.customers.list({"limit": 2})
    assert ([c.id for c in page.data], page.has_more) == ([made[4], made[3]], True)
    assert [c.id for c in page.auto_paging_iter()] == [*made[::-1], shop.alice]
    with pytest.raises(stripe.InvalidRequestError, match="limit"):
        shop.api.customers.list({"limit": 101})


def test_a_lookup_key_is_one_prices(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.price(2000, "month", lookup_key="small")
    new = shop.api.prices.create(
        {
            "product": "studio",
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "lookup_key": "small",
            "transfer_lookup_key": True,
        }
    )
    assert [p.id for p in shop.api.prices.list({"lookup_keys": ["small"]}).data] == [new.id]
    assert shop.api.prices.retrieve(shop.small).lookup_key is None


def test_metadata_is_merged_and_an_empty_value_takes_a_key_away(shop: Shop) -> None:
    shop.api.customers.update(shop.alice, {"metadata": {"plan": "x", "0": "y"}})
    changed = shop.api.customers.update(shop.alice, {"metadata": {"account": ""}})
    assert changed.metadata.to_dict() == {"plan": "x", "0": "y"}


def test_a_paid_subscription(shop: Shop) -> None:
    begin = len(shop.fake.events)
    sub = shop.api.subscriptions.retrieve(shop.subscribe(), {"expand": ["latest_invoice.payments"]})
    item, invoice = sub["items"].data[0], sub.latest_invoice
    assert (sub.status, item.current_period_start, item.current_period_end) == (
        "active",
        START,
        START + MONTH,
    )
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == (
        "paid",
        "subscription_create",
        1900,
    )
    assert invoice.parent.subscription_details.subscription == sub.id
    line = invoice.lines.data[0]
    assert (
        line.pricing.price_details.price,
        line.period.end,
        line.parent.subscription_item_details.subscription_item,
    ) == (shop.small, START + MONTH, item.id)
    intent = invoice.payments.data[0].payment.payment_intent
    charge = shop.api.charges.list({"payment_intent": intent}).data[0]
    assert (
        shop.api.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent}})
        .data[0]
        .invoice
        == invoice.id
    )
    assert (charge.amount, charge.customer) == (1900, shop.alice)
    assert shop.said(begin) == [
        "payment_intent.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.succeeded",
        "charge.succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    created = next(e for e in shop.fake.events if e["type"] == "customer.subscription.created")
    assert created["data"]["object"]["status"] == "incomplete"


def test_every_event_holds_an_object_of_stripes(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.change(sub, shop.large)
    shop.fake.change(sub, shop.small)
    shop.fake.advance(DAY * 62)
    shop.fake.cancel_at_period_end(sub)
    shop.fake.advance(DAY * 40)
    charge = shop.api.charges.list().data[0].id
    shop.fake.fail_refund(shop.fake.refund(charge)["id"])
    shop.fake.close_dispute(shop.fake.dispute(charge)["id"], True)
    shop.portal()
    shop.fake.unknown_event()
    shop.api.customers.delete(shop.alice)
    for event in shop.fake.events:
        check_answer(event)
    assert len(shop.api.events.list({"limit": 100}).data) == min(100, len(shop.fake.events))


def test_a_session_is_paid_once_and_expires(shop: Shop) -> None:
    made = shop.session(shop.small)
    shop.fake.pay(made.id, works=False)
    assert shop.api.checkout.sessions.retrieve(made.id).status == "open"
    assert shop.said()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    shop.fake.pay(made.id)
    late = shop.session(shop.small)
    shop.fake.advance(DAY)
    assert shop.said()[-1] == "checkout.session.expired"
    for id in (made.id, late.id):
        with pytest.raises(ValueError, match="Checkout Session is"):
            shop.fake.pay(id)


def test_a_free_subscription_has_an_invoice_and_no_payment(shop: Shop) -> None:
    made = shop.session(shop.small, allow_promotion_codes=True)
    shop.fake.pay(made.id, free=True)
    done = shop.api.checkout.sessions.retrieve(made.id, {"expand": ["invoice.payments", "line_items"]})
    assert (done.payment_status, done.amount_total, done.invoice.status, done.invoice.total) == (
        "no_payment_required",
        0,
        "paid",
        0,
    )
    assert done.invoice.payments.data == []
    assert shop.api.charges.list({"customer": shop.alice}).data == []


def test_a_pack_with_an_invoice(shop: Shop) -> None:
    made = shop.session(
        shop.pack,
        "payment",
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"pack": "7"}}},
        payment_intent_data={"metadata": {"order": "9"}},
    )
    shop.fake.pay(made.id)
    done = shop.api.checkout.sessions.retrieve(
        made.id, {"expand": ["invoice", "payment_intent.latest_charge"]}
    )
    assert (
        done.invoice.billing_reason,
        done.invoice.status,
        done.invoice.parent,
        done.invoice.metadata["pack"],
    ) == ("manual", "paid", None, "7")
    assert done.invoice.lines.data[0].parent.type == "invoice_item_details"
    assert (done.payment_status, done.payment_intent.latest_charge.metadata["order"]) == ("paid", "9")


def test_a_session_must_fit_its_mode(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        shop.session(shop.small, "payment")
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent_data"):
        shop.session(shop.small, payment_intent_data={"description": "x"})
    with pytest.raises(NotImplementedError, match="trial_period_days"):
        shop.session(shop.small, subscription_data={"trial_period_days": 3})


def test_an_upgrade_is_prorated_by_the_second_and_paid_at_once(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.advance(10 * DAY + 12345)
    shop.fake.change(sub, shop.large)
    invoice, left = shop.latest(sub), MONTH - 10 * DAY - 12345
    unused, new = invoice.lines.data
    assert (unused.amount, new.amount) == (-round(1900 * left / MONTH), round(4900 * left / MONTH))
    assert (invoice.billing_reason, invoice.status, invoice.total) == (
        "subscription_update",
        "paid",
        unused.amount + new.amount,
    )
    assert all(line.parent.subscription_item_details.proration for line in (unused, new))
    assert (new.period.start, new.period.end) == (shop.fake.now, START + MONTH)
    assert shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.large
    assert rounded(5, 1, 2) == 3  # halves up


def test_month_to_year_begins_a_new_period(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.advance(MONTH // 2)
    shop.fake.change(sub, shop.year)
    invoice = shop.latest(sub)
    assert [line.amount for line in invoice.lines.data] == [-950, 19000]
    assert [line.parent.subscription_item_details.proration for line in invoice.lines.data] == [True, False]
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.billing_cycle_anchor, found["items"].data[0].current_period_end) == (
        shop.fake.now,
        shop.fake.now + 365 * DAY,
    )


def test_a_declined_upgrade_changes_nothing(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice)
    shop.fake.change(sub, shop.large)
    assert shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.small
    assert shop.latest(sub).billing_reason == "subscription_create"


def test_a_downgrade_waits_for_the_renewal(shop: Shop) -> None:
    sub = shop.subscribe(shop.large)
    shop.fake.change(sub, shop.small)
    planned = shop.api.subscriptions.retrieve(sub, {"expand": ["schedule"]})
    assert planned["items"].data[0].price.id == shop.large
    assert planned.schedule.phases[1]["items"][0].price == shop.small
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        shop.api.subscriptions.update(sub, {"cancel_at_period_end": True})
    shop.fake.advance(MONTH + 2 * 3600)
    assert (shop.latest(sub).amount_paid, shop.api.subscriptions.retrieve(sub)["items"].data[0].price.id) == (
        1900,
        shop.small,
    )
    shop.fake.advance(32 * DAY)
    assert (
        shop.api.subscriptions.retrieve(sub).schedule,
        shop.said().count("subscription_schedule.released"),
    ) == (None, 1)


def test_a_renewal_is_a_draft_for_an_hour_and_the_day_is_clamped(shop: Shop) -> None:
    shop.fake.advance(30 * DAY + 60 * DAY)  # 30 January
    sub = shop.subscribe()
    item = shop.api.subscriptions.retrieve(sub)["items"].data[0]
    assert time.gmtime(item.current_period_end)[:3] == (2027, 2, 28)
    shop.fake.advance(until=item.current_period_end)
    assert (shop.latest(sub).status, shop.latest(sub).billing_reason) == ("draft", "subscription_cycle")
    shop.fake.advance(3600)
    assert (shop.latest(sub).status, shop.latest(sub).lines.data[0].period.start) == (
        "paid",
        item.current_period_end,
    )
    assert time.gmtime(shop.api.subscriptions.retrieve(sub)["items"].data[0].current_period_end)[:3] == (
        2027,
        3,
        30,
    )


def test_a_failed_renewal_is_tried_again_and_may_succeed(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice, 2)
    shop.fake.advance(MONTH + 3600)
    open_ = shop.latest(sub)
    assert (open_.status, open_.attempt_count, open_.next_payment_attempt) == (
        "open",
        1,
        shop.fake.now + 3 * DAY,
    )
    assert shop.api.subscriptions.retrieve(sub).status == "past_due"
    shop.fake.advance(3 * DAY)
    assert (shop.latest(sub).attempt_count, shop.latest(sub).next_payment_attempt) == (
        2,
        shop.fake.now + 2 * DAY,
    )
    shop.fake.advance(2 * DAY)
    assert (shop.latest(sub).status, shop.api.subscriptions.retrieve(sub).status) == ("paid", "active")
    assert (
        len(
            shop.api.charges.list(
                {"payment_intent": shop.latest(sub).payments.data[0].payment.payment_intent}
            ).data
        )
        == 3
    )


def test_after_the_last_try_the_subscription_ends(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.fail_next(shop.alice, 9)
    shop.fake.advance(MONTH + 8 * DAY)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.status, found.cancellation_details.reason, shop.latest(sub).attempt_count) == (
        "canceled",
        "payment_failed",
        4,
    )
    assert shop.latest(sub).status == "open"
    assert shop.said().count("invoice.payment_failed") == 4


def test_the_portal_cancels_by_date_and_the_api_by_flag(shop: Shop) -> None:
    sub = shop.subscribe()
    shop.fake.cancel_at_period_end(sub)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.cancel_at, found.cancel_at_period_end) == (START + MONTH, False)
    shop.fake.cancel_at_period_end(sub, False)
    assert shop.api.subscriptions.retrieve(sub).cancel_at is None
    shop.api.subscriptions.update(sub, {"cancel_at_period_end": True})
    shop.fake.advance(MONTH)
    found = shop.api.subscriptions.retrieve(sub)
    assert (found.status, found.ended_at, shop.said()[-1]) == (
        "canceled",
        START + MONTH,
        "customer.subscription.deleted",
    )
    assert shop.api.subscriptions.list({"customer": shop.alice}).data == []
    assert len(shop.api.subscriptions.list({"customer": shop.alice, "status": "all"}).data) == 1


def test_a_deleted_customer_ends_its_subscriptions(shop: Shop) -> None:
    sub = shop.subscribe()
    assert shop.api.customers.delete(shop.alice).deleted
    assert shop.api.customers.retrieve(shop.alice).deleted
    assert shop.api.subscriptions.retrieve(sub).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.session(shop.small)


def test_an_api_update_prorates_as_asked(shop: Shop) -> None:
    sub = shop.subscribe(shop.large)
    shop.fake.advance(MONTH // 2)
    item = shop.api.subscriptions.retrieve(sub)["items"].data[0].id
    shop.api.subscriptions.update(
        sub, {"items": [{"id": item, "price": shop.small}], "proration_behavior": "always_invoice"}
    )
    assert (shop.latest(sub).total, shop.latest(sub).amount_due, shop.latest(sub).ending_balance) == (
        -1500,
        0,
        -1500,
    )
    shop.fake.advance(MONTH // 2 + 3600)
    assert (shop.latest(sub).total, shop.latest(sub).amount_paid) == (1900, 400)


def test_refunds_add_up_and_may_fail(shop: Shop) -> None:
    shop.subscribe()
    charge = shop.api.charges.list({"customer": shop.alice}).data[0]
    shop.fake.refund(charge.id, 500)
    assert shop.said()[-3:] == ["charge.refunded", "refund.created", "refund.updated"]
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        shop.api.refunds.create({"charge": charge.id, "amount": 1401})
    rest = shop.api.refunds.create({"payment_intent": charge.payment_intent})
    assert (rest.amount, shop.api.charges.retrieve(charge.id).refunded) == (1400, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.api.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    shop.fake.fail_refund(rest.id)
    found = shop.api.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (found.amount_refunded, [r.status for r in found.refunds.data]) == (500, ["succeeded", "failed"])


def test_a_dispute_takes_the_money_and_winning_returns_it(shop: Shop) -> None:
    shop.subscribe()
    charge = shop.api.charges.list().data[0].id
    dispute = shop.fake.dispute(charge)
    assert shop.said()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert shop.api.charges.retrieve(charge).disputed
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        shop.api.refunds.create({"charge": charge})
    shop.fake.close_dispute(dispute["id"], True)
    assert shop.api.disputes.list({"charge": charge}).data[0].status == "won"
    assert shop.said()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def test_a_webhook_is_stripes_signature_or_nothing(shop: Shop) -> None:
    body, header = signed(shop.fake.unknown_event(), "whsec_test")
    assert stripe.Webhook.construct_event(body, header, "whsec_test").type == "balance.available"
    old = signed(shop.fake.events[-1], "whsec_test", at=int(time.time()) - 301)
    for data, mark in [
        (body.replace(b"balance.", b"malance."), header),
        (body, signed({}, "whsec_test")[1]),
        old,
    ]:
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(data, mark, "whsec_test")


def test_events_are_handed_over_once_and_kept_when_not_taken(shop: Shop) -> None:
    shop.fake.flush(lambda event: event["type"] != "customer.created")
    assert [e["type"] for e in shop.fake.undelivered] == ["customer.created"]
    seen: list[str] = []
    shop.fake.flush(lambda event: seen.append(event["type"]))
    assert (seen, shop.fake.undelivered) == (["customer.created"], [])


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *args, **more):
        return None


def press(url: str, **form: str) -> tuple[int, str]:
    """The page's answer: its status, and where it sends one or what it says."""
    try:
        with build_opener(Stay).open(url, data=urlencode(form).encode(), timeout=10) as said:
            return said.status, said.read().decode()
    except HTTPError as said:
        return said.code, said.headers.get("Location") or said.read().decode()


def test_the_hosted_pages_sell_and_change_for_another_process(shop: Shop) -> None:
    with serve(shop.fake, notify_url="http://127.0.0.1:9/nobody") as url:
        remote = stripe.StripeClient("sk_test_new", base_addresses={"api": url}).v1
        made = shop.session(shop.small)
        assert "19.00 USD per month" in urlopen(made.url).read().decode()
        assert "declined" in press(made.url, action="decline")[1]
        assert press(made.url, action="pay") == (303, f"https://us/ok?s={made.id}")
        assert len(shop.fake.undelivered) == len(shop.fake.events)  # nobody listens there
        sub = remote.checkout.sessions.retrieve(made.id).subscription
        portal = shop.portal()
        assert "Change to Studio, 49.00 USD per month" in urlopen(portal.url).read().decode()
        assert press(portal.url, action="change", subscription=sub, price=shop.large)[0] == 200
        assert remote.subscriptions.retrieve(sub)["items"].data[0].price.id == shop.large
        assert "Keep subscription" in press(portal.url, action="cancel", subscription=sub)[1]
        assert press(made.url, action="pay")[0] == 409


def test_webhooks_of_the_pages_arrive_signed_and_in_order(shop: Shop) -> None:
    taken: list[str] = []

    def hear(event):
        body, header = signed(event, "whsec_test")
        taken.append(stripe.Webhook.construct_event(body, header, "whsec_test").id)

    shop.subscribe()
    shop.fake.flush(hear)
    assert taken == [e["id"] for e in shop.fake.events]
    assert {e["pending_webhooks"] for e in shop.fake.events} == {0}
