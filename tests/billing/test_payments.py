"""Plans, packs and what becomes of them, from Stripe's events through to the ledger."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing import audit, ledger
from billing.models import Invoice, Pack, Plan, StripePrice, Subscription, Transfer, WebhookEvent
from billing.payments import checkout, gateway, invoices, sync, webhooks
from config.errors import Invalid, NotFound, Unavailable
from tests.billing.shop import DAY, Shop, confirmed
from tests.payments.stripe import signed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _it_adds_up(db: None) -> Any:
    yield
    assert audit.problems(runs=False) == []


def test_a_plan_that_was_paid_is_there_with_its_credits(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    assert shop.wallet(buyer).plan_id == "creator"
    assert shop.credits(buyer) == (203, 0, 0)
    bill = Invoice.objects.get()
    assert (bill.total, bill.credits, bill.status) == (2000, 200, "paid")


def test_coming_back_from_checkout_brings_it_before_any_event_and_only_once(shop: Shop, buyer: Any) -> None:
    session = shop.session(buyer, plan="creator")
    assert not checkout.returned(buyer, session)
    shop.fake.pay(session)
    assert checkout.returned(buyer, session)
    assert checkout.returned(buyer, session)  # the address is opened again
    shop.deliver()
    assert shop.credits(buyer) == (203, 0, 0)


def test_a_strangers_session_is_not_found(shop: Shop, buyer: Any, bob: Any) -> None:
    session = shop.session(buyer, plan="creator")
    shop.fake.pay(session)
    for user in (bob, confirmed(bob)):
        with pytest.raises(NotFound):
            checkout.returned(user, session)
    with pytest.raises(NotFound):
        checkout.returned(buyer, "cs_test_nothing")


def test_a_declined_card_buys_nothing(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="pro"), works=False)
    shop.deliver()
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("free", (3, 0, 0))


def test_credits_of_a_plan_end_with_their_month_and_those_of_a_pack_stay(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 10, cause="job:1")  # from the month's, which end first
    ledger.settle("job:1", captured=10)
    assert shop.credits(buyer) == (243, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (3 + 50 + 200, 0, 0)
    assert ledger.expire() == 190


def test_a_hundred_percent_off_gives_the_plan_too(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="pro"), free=True)
    shop.deliver()
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)[0]) == ("pro", 503)


# ---------------------------------------------------------------- years, up and down


def test_a_year_that_is_paid_at_once_gives_its_credits_month_by_month(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator", "year")
    given = [shop.credits(buyer)[0]]
    for _month in range(12):
        shop.wait(31)
        for _again in range(2):
            invoices.next_months()
        given.append(shop.credits(buyer)[0])
    assert given[:11] == [203] * 11
    assert Invoice.objects.order_by("created_at")[0].credits == 12 * 200
    assert Invoice.objects.count() == 2  # the next year


def test_an_upgrade_gives_the_difference_for_what_is_left_of_the_month(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)  # of November's thirty days
    shop.change(subscription, "pro")
    assert shop.wallet(buyer).plan_id == "pro"
    assert shop.credits(buyer) == (203 + 150, 0, 0)
    shop.wait(15.1)
    assert shop.credits(buyer) == (503, 0, 0)


def test_an_upgrade_within_a_year_raises_each_month_that_is_left(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator", "year")
    shop.wait(15)
    shop.change(subscription, "pro", "year")
    assert shop.credits(buyer) == (203 + 150, 0, 0)
    shop.wait(15.1)
    invoices.next_months()
    assert shop.credits(buyer) == (503, 0, 0)


def test_from_a_month_to_a_year_what_was_not_used_up_is_reckoned(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)
    shop.change(subscription, "creator", "year")
    assert shop.credits(buyer) == (203 + 100, 0, 0)  # a whole new month, less the half that was given back
    shop.wait(30.1)
    invoices.next_months()
    assert shop.credits(buyer)[0] == 203


def test_a_downgrade_comes_with_the_next_payment(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "pro")
    shop.change(subscription, "creator")
    subscription.refresh_from_db()
    assert (shop.wallet(buyer).plan_id, subscription.next_plan_id) == ("pro", "creator")
    shop.wait(30.1)
    subscription.refresh_from_db()
    assert (shop.wallet(buyer).plan_id, subscription.next_plan_id, shop.credits(buyer)[0]) == (
        "creator",
        None,
        203,
    )


def test_who_has_a_plan_is_sent_to_the_portal_and_buys_no_second_one(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    assert checkout.buy(buyer, plan="pro").startswith("https://billing.stripe.com/")
    flow = shop.fake.calls[-1][2]["flow_data"]
    assert flow["type"] == "subscription_update_confirm"
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="creator")


def test_two_open_tabs_do_not_buy_two_plans(shop: Shop, buyer: Any) -> None:
    first = shop.session(buyer, plan="creator")
    second = shop.session(buyer, plan="creator")
    with pytest.raises(ValueError, match="expired"):
        shop.fake.pay(first)
    shop.fake.pay(second)
    shop.deliver()
    assert Subscription.objects.count() == 1


def test_cancelled_it_stays_until_the_end_of_what_was_paid(
    shop: Shop, buyer: Any, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.cancel_at_period_end(subscription.id)
    shop.deliver()
    subscription.refresh_from_db()
    assert subscription.ends_at == subscription.period_end
    assert shop.wallet(buyer).plan_id == "creator"
    with django_capture_on_commit_callbacks(execute=True):
        shop.wait(31)
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("free", (3, 0, 0))
    assert [mail.subject for mail in mailoutbox] == ["Your plan has ended"]


# ---------------------------------------------------------------- payments that fail


def test_a_failed_payment_leaves_seven_days_and_says_so_each_time(
    shop: Shop, buyer: Any, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer, times=9)
    shop.fake.after_retries = "past_due"  # Stripe itself would wait for ever
    with django_capture_on_commit_callbacks(execute=True):
        for _week in range(7):
            shop.wait(6)
            sync.lapse()
    subscription.refresh_from_db()
    assert subscription.status == "canceled"
    assert shop.wallet(buyer).plan_id == "free"
    subjects = [mail.subject for mail in mailoutbox]
    assert subjects.count("Your plan has ended") == 1
    assert subjects.count("A payment did not work") >= 2


def test_within_the_grace_the_plan_is_there_and_a_later_payment_mends_it(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer)
    shop.wait(30.2)
    subscription.refresh_from_db()
    assert (subscription.status, shop.wallet(buyer).plan_id, shop.credits(buyer)[0]) == (
        "past_due",
        "creator",
        3,
    )
    assert sync.lapse() == 0
    with pytest.raises(checkout.PaymentOverdue):
        checkout.buy(buyer, plan="pro")
    shop.wait(4)
    subscription.refresh_from_db()
    assert (subscription.status, shop.credits(buyer)[0]) == ("active", 203)


def test_after_the_grace_it_is_free_also_while_stripe_does_not_answer(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    shop.fake.fail_next(shop.wallet(buyer).stripe_customer, times=9)
    shop.fake.retry_days = (20,)
    shop.wait(30.2)
    shop.wait(7)
    shop.fake.down = True
    assert sync.lapse() == 0
    assert shop.wallet(buyer).plan_id == "free"
    shop.fake.down = False
    assert sync.lapse() == 1
    assert Subscription.objects.get().status == "canceled"
    assert sync.lapse() == 0


# ---------------------------------------------------------------- refunds and disputes


def test_a_refund_takes_the_credits_and_what_was_spent_is_owed(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 40, cause="job:1")
    ledger.settle("job:1", captured=40)
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (0, 0, 37)
    with pytest.raises(ledger.PaymentDue):
        ledger.hold(shop.wallet(buyer), 0, cause="job:2")
    shop.buy(buyer, "small")
    assert shop.credits(buyer) == (13, 0, 0)


def test_of_half_the_money_half_the_credits_go(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    shop.fake.refund(shop.charge(bill), 150)
    shop.deliver()
    assert shop.credits(buyer)[0] == 3 + 50 - 12
    shop.fake.refund(shop.charge(bill), 450)
    shop.deliver()
    assert shop.credits(buyer)[0] == 3


def test_what_is_held_is_taken_when_it_comes_back(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 53, cause="job:1")
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (0, 53, 50)
    ledger.settle("job:1", captured=2)
    assert shop.credits(buyer) == (1, 0, 0)


def test_a_refund_that_did_not_work_gives_them_back(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    refund = shop.fake.refund(shop.charge(bill))
    shop.deliver()
    shop.fake.fail_refund(refund["id"])
    shop.deliver()
    assert shop.credits(buyer) == (53, 0, 0)


@pytest.mark.parametrize("won, left", [(True, 53), (False, 3)])
def test_a_dispute_takes_them_until_it_is_won(shop: Shop, buyer: Any, won: bool, left: int) -> None:
    bill = shop.buy(buyer, "small")
    dispute = shop.fake.dispute(shop.charge(bill))
    shop.deliver()
    assert shop.credits(buyer) == (3, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=won)
    shop.deliver()
    assert shop.credits(buyer) == (left, 0, 0)


@pytest.mark.parametrize("in_time", [True, False])
def test_credits_that_come_back_after_their_month_expire(shop: Shop, buyer: Any, in_time: bool) -> None:
    """Also when the news of the dispute came late: what had expired is not taken once more."""
    shop.subscribe(buyer, "creator")
    dispute = shop.fake.dispute(shop.charge(Invoice.objects.get()))
    if in_time:
        shop.deliver()
        assert shop.credits(buyer) == (3, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (203, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=True)
    shop.deliver()
    assert shop.credits(buyer) == (203, 0, 0)  # the new month's alone


def test_a_refund_after_the_account_is_gone_still_adds_up(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer, "small")
    charge = shop.charge(bill)
    buyer.delete()
    shop.fake.refund(charge)
    shop.deliver()
    bill.refresh_from_db()
    assert (bill.refunded, bill.taken) == (600, 50)


# ---------------------------------------------------------------- events


def story(shop: Shop, buyer: Any) -> list[dict[str, Any]]:
    """A plan, an upgrade, a pack, a half refund, a dispute of the plan, a renewal that failed and then worked; none of it delivered."""
    shop.fake.pay(shop.session(buyer, plan="creator"))
    owner = shop.wallet(buyer).stripe_customer
    subscription = gateway.call(lambda v1: v1.subscriptions.list({"customer": owner}))["data"][0]["id"]
    shop.fake.advance(10 * DAY)
    shop.fake.change(subscription, StripePrice.objects.get(plan="pro", interval="month").id)
    shop.fake.pay(shop.session(buyer, pack="large"))
    charge = gateway.call(lambda v1: v1.charges.list({"customer": owner}))["data"][0]["id"]
    shop.fake.refund(charge, 2250)
    first = gateway.call(lambda v1: v1.charges.list({"customer": owner}))["data"][-1]["id"]
    shop.fake.dispute(first)
    shop.fake.fail_next(owner)
    shop.fake.advance(25 * DAY)
    shop.fake.unknown_event()
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found


def end_state(shop: Shop, buyer: Any) -> Any:
    bills = sorted(Invoice.objects.values_list("id", "status", "total", "refunded", "credits", "taken"))
    return (
        shop.wallet(buyer).plan_id,
        shop.credits(buyer),
        bills,
        sorted(Subscription.objects.values_list("id", "plan", "status", "period_end")),
    )


@pytest.mark.parametrize("seed", range(4))
def test_each_event_three_times_in_any_order_ends_the_same(shop: Shop, buyer: Any, seed: int) -> None:
    events = story(shop, buyer) * 3
    random.Random(seed).shuffle(events)
    for event in events:
        webhooks.receive(*signed(event, "whsec_new"))
    plan, credits, bills, subscriptions = end_state(shop, buyer)
    assert (plan, credits) == ("pro", (3 + 500 + 250, 0, 0))
    assert [bill[1] for bill in bills] == ["paid"] * 4
    assert [row[2] for row in subscriptions] == ["active"]
    assert WebhookEvent.objects.count() == len(events) / 3
    assert not WebhookEvent.objects.filter(state="failed").exists()


def test_an_unknown_event_is_kept_and_ignored(shop: Shop) -> None:
    shop.fake.unknown_event()
    shop.deliver()
    assert WebhookEvent.objects.latest("received_at").state == "ignored"


def test_an_event_keeps_nothing_personal(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer)
    kept = " ".join(str(value) for row in WebhookEvent.objects.values() for value in row.values())
    assert "alice" not in kept


def test_an_event_that_failed_is_kept_without_its_effect_and_retried(
    shop: Shop, buyer: Any, capsys: Any
) -> None:
    shop.fake.pay(shop.session(buyer, plan="creator"))
    shop.fake.down = True
    shop.deliver()
    failed = WebhookEvent.objects.filter(state="failed").count()
    assert failed
    assert shop.credits(buyer) == (3, 0, 0)
    with pytest.raises(CommandError, match="still fail"):
        call_command("retry_events")
    shop.fake.down = False
    call_command("retry_events")
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert shop.credits(buyer) == (203, 0, 0)


def test_an_unknown_price_or_currency_gives_nothing_and_is_seen(shop: Shop, buyer: Any) -> None:
    session = shop.session(buyer, pack="small")
    StripePrice.objects.filter(pack="small").update(currency="eur")
    shop.fake.pay(session)
    shop.deliver()
    assert "currency usd" in WebhookEvent.objects.filter(state="failed")[0].error
    StripePrice.objects.filter(pack="small").delete()
    call_command_failing("retry_events")
    assert "run manage.py sync_stripe" in WebhookEvent.objects.filter(state="failed")[0].error
    assert shop.credits(buyer) == (3, 0, 0)


def test_another_currency_from_now_on_changes_nothing_for_who_pays_already(
    shop: Shop, buyer: Any, settings: Any
) -> None:
    shop.subscribe(buyer, "creator")
    settings.CURRENCY = "eur"
    shop.wait(31)
    assert shop.credits(buyer) == (203, 0, 0)


def call_command_failing(name: str) -> None:
    with pytest.raises(CommandError):
        call_command(name)


# ---------------------------------------------------------------- signatures and keys


def post(client: Any, body: bytes, header: str) -> Any:
    return client.post(
        "/hooks/stripe", body, content_type="application/json", headers={"Stripe-Signature": header}
    )


def an_event(shop: Shop) -> dict[str, Any]:
    shop.fake.unknown_event()
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    return found[-1]


def test_two_secrets_are_accepted_and_no_third(shop: Shop, client: Any) -> None:
    answers = [
        post(client, *signed(an_event(shop), secret)) for secret in ("whsec_new", "whsec_old", "whsec_other")
    ]
    assert [a.status_code for a in answers] == [200, 200, 400]
    assert answers[2].json()["code"] == "bad_signature"


def test_an_old_an_altered_and_an_unsigned_event_are_refused(shop: Shop, client: Any) -> None:
    import time

    event = an_event(shop)
    body, header = signed(event, "whsec_new")
    answers = [
        post(client, *signed(event, "whsec_new", at=int(time.time()) - 301)),
        post(client, body.replace(b"evt_", b"evtx"), header),
        post(client, body, ""),
        post(client, b"", header),
        post(client, b"\xff\xfe", "t=1,v1=2"),
        post(client, *signed({"id": "x"}, "whsec_new")),
        post(client, *signed(event | {"id": "evt\0"}, "whsec_new")),
        post(client, *signed(event | {"created": 1e30}, "whsec_new")),
    ]
    assert [a.status_code for a in answers] == [400] * 8
    assert not WebhookEvent.objects.filter(id=event["id"]).exists()
    assert client.get("/hooks/stripe").status_code == 405


def test_stripe_sends_a_failed_event_again(shop: Shop, buyer: Any, client: Any) -> None:
    shop.fake.pay(shop.session(buyer, pack="small"))
    found: list[dict[str, Any]] = []
    shop.fake.flush(found.append)
    shop.fake.down = True
    paid = next(e for e in found if e["type"] == "invoice.paid")
    assert post(client, *signed(paid, "whsec_new")).status_code == 503
    shop.fake.down = False
    assert post(client, *signed(paid, "whsec_new")).json() == {"state": "applied"}
    assert (shop.credits(buyer), WebhookEvent.objects.get(id=paid["id"]).attempts) == ((53, 0, 0), 2)


def test_a_key_that_is_being_changed_is_not_missed(shop: Shop, buyer: Any, settings: Any) -> None:
    shop.fake.keys = {"sk_test_old"}
    assert shop.session(buyer, plan="creator")
    shop.fake.keys = {"sk_test_new"}
    assert shop.session(buyer, plan="creator")
    shop.fake.keys = set()
    with pytest.raises(Unavailable):
        shop.session(buyer, plan="creator")


# ---------------------------------------------------------------- the catalogue, and what was lost


def test_the_catalogue_is_made_once_and_a_new_amount_is_a_new_price(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "creator")
    made = StripePrice.objects.count()
    assert made == 3 * 2 + 3
    call_command("sync_stripe")
    assert StripePrice.objects.count() == made
    old = StripePrice.objects.get(plan="creator", interval="month")
    Plan.objects.filter(code="creator").update(price_cents=2500)
    call_command("sync_stripe", "--dry-run")
    assert StripePrice.objects.count() == made
    call_command("sync_stripe")
    assert list(
        StripePrice.objects.filter(plan="creator", interval="month", current=True).values_list(
            "cents", flat=True
        )
    ) == [2500]
    old.refresh_from_db()
    assert not old.current
    shop.wait(31)  # who had it goes on paying what they agreed to
    subscription.refresh_from_db()
    assert (subscription.cents, shop.credits(buyer)[0]) == (2000, 203)


def test_what_is_not_sold_any_more_cannot_be_bought(shop: Shop, buyer: Any) -> None:
    Plan.objects.filter(code="pro").update(on_sale=False)
    call_command("sync_stripe")
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="pro")


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"plan": "free"},
        {"plan": "creator", "pack": "small"},
        {"pack": "nothing"},
        {"plan": "creator", "interval": "week"},
    ],
)
def test_nothing_else_is_for_sale(shop: Shop, buyer: Any, what: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        checkout.buy(buyer, **what)


def test_what_lost_events_would_have_told_is_repaired(shop: Shop, buyer: Any, capsys: Any) -> None:
    story(shop, buyer)  # every event of it is lost
    assert shop.credits(buyer) == (3, 0, 0)
    with pytest.raises(CommandError, match="differ"):
        call_command("reconcile_stripe", "--dry-run")
    assert shop.credits(buyer) == (3, 0, 0)
    call_command("reconcile_stripe")
    assert (shop.wallet(buyer).plan_id, shop.credits(buyer)) == ("pro", (753, 0, 0))
    capsys.readouterr()
    call_command("reconcile_stripe")
    assert capsys.readouterr().out == "Nothing differs.\n"


# ---------------------------------------------------------------- through the API and the pages


def test_a_tampered_form_changes_no_amount(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    answer = client.post(
        "/account/billing/buy/", {"plan": "creator", "amount": "1", "price_cents": "1", "price": "price_x"}
    )
    assert answer.status_code == 303
    session = gateway.call(lambda v1: v1.checkout.sessions.retrieve(answer["Location"].rsplit("/", 1)[1]))
    assert session["amount_total"] == 2000


def test_an_unconfirmed_address_buys_nothing(shop: Shop, alice: Any, as_alice: Any) -> None:
    answer = as_alice.post("/api/v1/billing/checkout", {"plan": "creator"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "email_unconfirmed")


def test_the_api_sells_and_shows(shop: Shop, buyer: Any, as_alice: Any) -> None:
    url = as_alice.post(
        "/api/v1/billing/checkout", {"plan": "creator", "currency": "USD"}, format="json"
    ).json()["url"]
    shop.fake.pay(url.rsplit("/", 1)[1])
    shop.deliver()
    told = as_alice.get("/api/v1/billing").json()
    assert told["plan"]["code"] == "creator"
    assert (told["credits"]["available"], told["credits"]["owed"], told["subscription"]["status"]) == (
        203,
        0,
        "active",
    )
    assert as_alice.get("/api/v1/billing/invoices").json()["results"][0]["total"] == 2000
    portal = as_alice.post("/api/v1/billing/portal", {"what": "cancel"}, format="json").json()["url"]
    assert portal.startswith("https://billing.stripe.com/")
    assert len(as_alice.get("/api/v1/billing/packs").json()) == 3


def test_an_unknown_currency_is_refused(shop: Shop, buyer: Any, as_alice: Any) -> None:
    answer = as_alice.post("/api/v1/billing/checkout", {"plan": "creator", "currency": "xyz"}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["currency"])


def test_who_never_paid_has_no_portal(shop: Shop, buyer: Any, as_alice: Any) -> None:
    answer = as_alice.post("/api/v1/billing/portal", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_subscription")


def test_an_invoice_opens_at_stripe_for_its_owner_alone(
    shop: Shop, buyer: Any, bob: Any, client: Any
) -> None:
    bill = shop.buy(buyer)
    client.force_login(buyer)
    assert client.get(f"/account/billing/invoices/{bill.id}/")["Location"].startswith("https://")
    client.force_login(bob)
    assert client.get(f"/account/billing/invoices/{bill.id}/").status_code == 404


def test_without_keys_it_works_whole_and_says_that_nothing_can_be_bought(
    buyer: Any, as_alice: Any, client: Any
) -> None:
    assert (
        as_alice.post("/api/v1/billing/checkout", {"plan": "creator"}, format="json").json()["code"]
        == "payments_not_configured"
    )
    client.force_login(buyer)
    for page in ("/pricing/", "/account/billing/"):
        assert "Payments are not set up here" in client.get(page).content.decode()
    assert as_alice.get("/api/v1/billing").json()["configured"] is False


def test_the_pages_totals_are_the_ledgers(shop: Shop, buyer: Any, client: Any) -> None:
    shop.subscribe(buyer, "creator")
    shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 7, cause="image:1")
    client.force_login(buyer)
    page = client.get("/account/billing/").content.decode()
    assert '<p class="big-number" id="available">246</p>' in page
    assert "7 credits are held" in page
    own = Transfer.objects.filter(wallet=shop.wallet(buyer).id)
    come = sum(t.amount for t in own.filter(kind__in=("grant", "plan", "purchase")))
    assert come == 253
    assert sum(bill.credits for bill in Invoice.objects.all()) == 250


def test_every_error_of_stripes_is_a_sentence(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    shop.fake.down = True
    answer = client.post("/account/billing/buy/", {"plan": "creator"}, follow=True)
    assert answer.status_code == 200
    assert "does not answer" in answer.content.decode()


def test_staff_pay_back_once(shop: Shop, buyer: Any, admin_client: Any) -> None:
    bill = shop.buy(buyer)
    for _again in range(2):
        answer = admin_client.post(
            "/admin/billing/invoice/", {"action": "refund", "_selected_action": [bill.id]}, follow=True
        )
    assert "went back already" in answer.content.decode()
    bill.refresh_from_db()
    assert (bill.refunded, bill.taken, shop.credits(buyer)) == (600, 50, (3, 0, 0))


def test_staff_take_no_more_than_there_is(alice: Any, admin_client: Any) -> None:
    wallet = ledger.wallet_of(alice)
    form = {
        "action": "correct",
        "_selected_action": [str(wallet.id)],
        "amount": "2",
        "reason": "given twice",
        "key": "k",
    }
    for _again in range(2):
        admin_client.post("/admin/billing/wallet/", form)
    assert ledger.balance(wallet).available == 1
    answer = admin_client.post("/admin/billing/wallet/", form | {"key": "l"}, follow=True)
    assert "you have 1" in answer.content.decode()
    assert ledger.balance(wallet).available == 1


def test_staff_see_a_failed_event_and_try_it_again(shop: Shop, buyer: Any, admin_client: Any) -> None:
    shop.fake.pay(shop.session(buyer, pack="small"))
    shop.fake.down = True
    shop.deliver()
    shop.fake.down = False
    failed = list(WebhookEvent.objects.filter(state="failed").values_list("id", flat=True))
    assert (
        "Unavailable" in admin_client.get("/admin/billing/webhookevent/?state__exact=failed").content.decode()
    )
    admin_client.post("/admin/billing/webhookevent/", {"action": "retry", "_selected_action": failed})
    assert not WebhookEvent.objects.filter(state="failed").exists()
    assert shop.credits(buyer) == (53, 0, 0)


# ---------------------------------------------------------------- what a reviewer found


def test_a_cheaper_plan_by_the_year_takes_back_what_was_paid_back(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "enterprise")
    ledger.hold(shop.wallet(buyer), 4000, cause="job:1")
    ledger.settle("job:1", captured=4000)
    shop.change(subscription, "creator", "year")
    bill = Invoice.objects.latest("created_at", "id")
    assert (bill.credits, bill.changed, bill.kept_credits) == (0, 4800, -4800)
    assert shop.credits(buyer) == (0, 0, 4800 - 1003)


def test_a_line_that_gives_back_is_none_that_sells_also_after_a_discount_of_all_of_it(
    shop: Shop, buyer: Any
) -> None:
    subscription = shop.subscribe(buyer, "creator")
    shop.wait(15)
    shop.fake.change(subscription.id, StripePrice.objects.get(plan="pro", interval="month").id)
    given_back = [
        line
        for o in shop.fake.objects.values()
        if o.get("object") == "invoice"
        for line in o["lines"]["data"]
        if line["amount"] < 0
    ]
    assert len(given_back) == 1
    given_back[0]["amount"] = 0
    shop.deliver()
    assert shop.credits(buyer) == (203 + 150, 0, 0)


def test_a_customer_deleted_at_stripe_has_no_plan_any_more_and_may_buy_again(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    gateway.call(lambda v1: v1.customers.delete(shop.wallet(buyer).stripe_customer))
    shop.deliver(lambda events: sorted(events, key=lambda e: e["type"] != "customer.deleted"))
    assert (shop.wallet(buyer).plan_id, Subscription.objects.get().status) == ("free", "canceled")
    assert not WebhookEvent.objects.filter(state="failed").exists()
    shop.subscribe(buyer, "pro")
    assert shop.wallet(buyer).plan_id == "pro"


def test_one_that_cannot_be_ended_keeps_nobody_elses_grace(shop: Shop, buyer: Any, bob: Any) -> None:
    both = [shop.subscribe(user, "creator") for user in (buyer, confirmed(bob))]
    shop.fake.after_retries = "past_due"
    for user in (buyer, bob):
        shop.fake.fail_next(shop.wallet(user).stripe_customer, times=9)
    shop.wait(38)
    shop.fake.cancel_now(both[0].id)  # and its event is lost
    sync.lapse()
    assert [shop.wallet(user).plan_id for user in (buyer, bob)] == ["free", "free"]
    assert set(Subscription.objects.values_list("status", flat=True)) == {"canceled"}


def test_what_is_paid_after_the_account_is_gone_is_on_record(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    buyer.delete()
    shop.wait(31)
    assert Invoice.objects.filter(status="paid").count() == 2
    assert not WebhookEvent.objects.filter(state="failed").exists()


def test_a_session_that_was_paid_unheard_sells_no_second_plan(shop: Shop, buyer: Any) -> None:
    shop.fake.pay(shop.session(buyer, plan="creator"))
    with pytest.raises(Invalid):
        checkout.buy(buyer, plan="creator")
    shop.deliver()
    assert Subscription.objects.count() == 1


def test_a_change_that_is_planned_is_taken_back_first(shop: Shop, buyer: Any) -> None:
    subscription = shop.subscribe(buyer, "pro")
    shop.change(subscription, "creator")
    checkout.buy(buyer, plan="enterprise")
    assert "flow_data" not in shop.fake.calls[-1][2]


def test_a_dispute_won_late_gives_back_what_a_bought_pack_had_to_pay(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    ledger.hold(shop.wallet(buyer), 203, cause="job:1")
    ledger.settle("job:1", captured=203)
    dispute = shop.fake.dispute(shop.charge(Invoice.objects.get()))
    shop.deliver()
    assert shop.credits(buyer) == (0, 0, 200)
    shop.buy(buyer, "large")
    assert shop.credits(buyer) == (300, 0, 0)
    shop.wait(31)
    assert shop.credits(buyer) == (500, 0, 0)
    shop.fake.close_dispute(dispute["id"], won=True)
    shop.deliver()
    assert shop.credits(buyer) == (700, 0, 0)


def test_the_signed_movements_are_the_balance(shop: Shop, buyer: Any, client: Any) -> None:
    import re

    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 40, cause="job:1")
    ledger.settle("job:1", captured=30)
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    shop.buy(buyer, "small")
    client.force_login(buyer)
    cells = re.findall(
        r'<td class="right">([+−]?)(\d+)</td>', client.get("/account/credits/").content.decode()
    )
    assert sum({"+": 1, "−": -1, "": 0}[sign] * int(n) for sign, n in cells) == shop.credits(buyer)[0]
    assert len(cells) == Transfer.objects.filter(wallet=shop.wallet(buyer).id).count()


def test_an_edited_pack_has_its_new_name_at_stripe(shop: Shop) -> None:
    Pack.objects.filter(code="small").update(credits=40)
    call_command("sync_stripe")
    assert (
        gateway.call(lambda v1: v1.products.retrieve("photoflux_pack_small"))["name"]
        == "PhotoFlux: 40 credits"
    )


def test_a_plan_that_is_not_sold_by_the_year_is_not_offered_so(shop: Shop, buyer: Any, client: Any) -> None:
    Plan.objects.filter(code="pro").update(price_year_cents=0)
    client.force_login(buyer)
    page = client.get("/pricing/?interval=year").content.decode()
    assert "Choose Creator" in page
    assert "Choose Pro" not in page


def test_a_refund_that_failed_can_be_tried_again(shop: Shop, buyer: Any) -> None:
    bill = shop.buy(buyer)
    checkout.pay_back(bill)
    refund = gateway.call(lambda v1: v1.refunds.list({"payment_intent": bill.payment}))["data"][0]
    shop.fake.fail_refund(refund["id"])
    shop.deliver()
    checkout.pay_back(bill)
    bill.refresh_from_db()
    assert (bill.refunded, shop.credits(buyer)) == (600, (3, 0, 0))


def test_no_id_is_a_fault_of_ours(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    for ident in ("%00", "in_nothing", "..%2f..", "x" * 300):
        assert client.get(f"/account/billing/invoices/{ident}/").status_code == 404


def test_tax_is_reckoned_where_it_is_switched_on(shop: Shop, buyer: Any, settings: Any) -> None:
    settings.STRIPE_TAX = True
    shop.session(buyer, plan="creator")
    asked = next(
        form
        for method, path, form in reversed(shop.fake.calls)
        if (method, path) == ("POST", "/v1/checkout/sessions")
    )
    assert (
        asked["automatic_tax"]["enabled"],
        asked["tax_id_collection"]["enabled"],
        asked["customer_update"]["address"],
    ) == ("true", "true", "auto")


def test_an_invoice_that_does_not_name_its_payment_is_found_by_checkouts(shop: Shop, buyer: Any) -> None:
    """And one that was paid in another way than by a payment intent is no fault."""
    session = shop.session(buyer, pack="small")
    shop.fake.pay(session)
    for found in shop.fake.objects.values():
        if found.get("object") == "invoice_payment":
            found["payment"] = {"type": "out_of_band_payment"}
    shop.deliver()
    checkout.returned(buyer, session)
    bill = Invoice.objects.get()
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    assert (bill.payment.startswith("pi_"), shop.credits(buyer)) == (True, (3, 0, 0))


def test_a_session_that_is_not_at_stripe_any_more_is_in_nobodys_way(shop: Shop, buyer: Any) -> None:
    ledger.wallet_of(buyer)
    type(shop.wallet(buyer)).objects.update(checkout="cs_test_gone")
    assert shop.session(buyer, plan="creator")


def test_nobodys_credits_are_locked_while_stripe_is_asked(shop: Shop, buyer: Any) -> None:
    """Whatever asks Stripe, within its transaction no row of the ledger was locked before."""
    from django.db import connection

    locked: list[str] = []
    asked = shop.fake.answer

    def watched(method: str, path: str, *args: Any, **more: Any) -> Any:
        if any("billing_ledgeraccount" in sql and "FOR UPDATE" in sql for sql in seen):
            locked.append(path)
        return asked(method, path, *args, **more)

    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            depth = len(connection.savepoint_ids)
            if sql.startswith("SAVEPOINT") and depth == base:
                seen.clear()
        else:
            seen.append(sql)
        return execute(sql, params, many, context)

    base = len(connection.savepoint_ids)
    shop.fake.answer = watched  # type: ignore[method-assign]
    with connection.execute_wrapper(note):
        for _tab in range(2):
            session = shop.session(buyer, plan="creator")
        shop.fake.pay(session)
        seen.clear()
        shop.deliver(
            lambda events: [e for e in events if e["type"] in ("checkout.session.completed", "invoice.paid")]
        )
    assert locked == []
