"""Payments through the API and the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from billing import ledger
from billing.models import Invoice, Plan, Transfer
from billing.payments import gateway
from tests.billing.shop import Shop
from tests.conftest import unconfirmed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("adds_up")]


def test_a_tampered_form_changes_no_amount(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    answer = client.post(
        "/account/billing/buy/", {"plan": "creator", "amount": "1", "price_cents": "1", "price": "price_x"}
    )
    assert answer.status_code == 303
    session = gateway.call(lambda v1: v1.checkout.sessions.retrieve(answer["Location"].rsplit("/", 1)[1]))
    assert session["amount_total"] == 2000


def test_an_unconfirmed_address_buys_nothing(shop: Shop, alice: Any, as_alice: Any) -> None:
    unconfirmed(alice)
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


def test_a_user_who_never_paid_has_no_portal(shop: Shop, buyer: Any, as_alice: Any) -> None:
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


def test_without_keys_of_stripe_the_pages_say_that_nothing_can_be_bought(
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


def test_the_pages_show_the_totals_of_the_ledger(shop: Shop, buyer: Any, client: Any) -> None:
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


def test_an_error_of_stripe_is_shown_as_a_sentence(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    shop.fake.down = True
    answer = client.post("/account/billing/buy/", {"plan": "creator"}, follow=True)
    assert answer.status_code == 200
    assert "does not answer" in answer.content.decode()


def test_the_signed_movements_add_up_to_the_balance(shop: Shop, buyer: Any, client: Any) -> None:
    bill = shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 40, cause="job:1")
    ledger.settle("job:1", captured=30)
    shop.fake.refund(shop.charge(bill))
    shop.deliver()
    shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 2, cause="job:2")
    client.force_login(buyer)
    page = client.get("/account/credits/").content.decode()
    cells = re.findall(r'<td class="right">([+−]?\d*)</td>', page)
    available, held = (sum(int(n.replace("−", "-")) for n in cells[i::2] if n) for i in (0, 1))
    assert (available, held) == shop.credits(buyer)[:2]
    assert len(cells) == 2 * Transfer.objects.filter(wallet=shop.wallet(buyer).id).count()
    assert re.search(r'<td>spent<.*?</td><td class="right"></td><td class="right">−\d+</td>', page)


def test_a_plan_without_a_yearly_price_is_not_offered_by_the_year(
    shop: Shop, buyer: Any, client: Any
) -> None:
    Plan.objects.filter(code="pro").update(price_year_cents=0)
    client.force_login(buyer)
    page = client.get("/pricing/?interval=year").content.decode()
    assert "Choose Creator" in page
    assert "Choose Pro" not in page


def test_a_malformed_invoice_id_answers_404(shop: Shop, buyer: Any, client: Any) -> None:
    client.force_login(buyer)
    for ident in ("%00", "in_nothing", "..%2f..", "x" * 300):
        assert client.get(f"/account/billing/invoices/{ident}/").status_code == 404
