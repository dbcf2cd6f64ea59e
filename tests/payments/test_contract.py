"""The fake Stripe follows Stripe's own library: forms, keys, lists."""

from __future__ import annotations

import pytest
import stripe

from .account import DAY
from .contract import check_answer
from .shop import Shop
from .stripe import DoubleClient


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


def test_both_keys_are_accepted_and_no_other(shop: Shop) -> None:
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


def test_the_library_raises_an_error_when_stripe_is_down(shop: Shop) -> None:
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


def test_a_lookup_key_belongs_to_one_price(shop: Shop) -> None:
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
