"""The money part of the archive of all one's data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing import exports, ledger
from billing.models import Transfer
from tests.billing.shop import Shop

pytestmark = pytest.mark.django_db


def archive(user: Any) -> dict[str, list[Any]]:
    return {
        path: [json.loads(line) for line in b"".join(chunks).splitlines()]
        for path, chunks in exports.files_of(user)
    }


def test_the_archive_has_every_movement_and_invoice(shop: Shop, buyer: Any) -> None:
    shop.subscribe(buyer, "creator")
    ledger.hold(shop.wallet(buyer), 5, cause="image:1")
    found = archive(buyer)
    assert found["billing/wallet.json"][0]["plan"] == "creator"
    assert [(row["total"], row["credits"]) for row in found["billing/invoices.jsonl"]] == [(2000, 200)]
    assert found["billing/subscriptions.jsonl"][0]["status"] == "active"
    assert len(found["billing/credits.jsonl"]) == Transfer.objects.count()


def test_the_changes_add_up_to_the_balance(shop: Shop, buyer: Any) -> None:
    shop.buy(buyer, "small")
    ledger.hold(shop.wallet(buyer), 9, cause="image:1")
    ledger.settle("image:1", captured=4)
    found = archive(buyer)
    available = found["billing/wallet.json"][0]["credits"]["available"]
    assert sum(row["change"] for row in found["billing/credits.jsonl"]) == available == 49


def test_a_stranger_gets_their_own(shop: Shop, buyer: Any, bob: Any) -> None:
    shop.subscribe(buyer)
    assert archive(bob) == {}
    ledger.wallet_of(bob)
    assert archive(bob)["billing/invoices.jsonl"] == []
