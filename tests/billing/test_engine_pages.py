"""What pages promise about engines: prices, what is free, and where photos go."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import consents
from billing.engines.models import EngineOffer

pytestmark = pytest.mark.django_db
KEPT, SENT = "no photo is sent to anybody else", "Another company gets them only if you choose its engine"


def text(client: Any, path: str) -> str:
    return client.get(path).content.decode()  # type: ignore[no-any-return]


def test_with_engines_that_run_here_no_photo_leaves(client: Any) -> None:
    landing = text(client, "/")
    assert KEPT in landing
    assert "Three pictures and the first training are free." in landing
    prices = text(client, "/pricing/")
    assert '<th scope="row">Each further training</th><td class="right">20</td></tr>' in prices
    assert "1 twin, its first training free" in prices


def test_with_a_hosted_engine_the_pages_say_so(client: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal", "together"]
    landing = text(client, "/")
    assert KEPT not in landing
    assert SENT in landing
    assert "the first training on: Built-in preview." in landing
    prices = text(client, "/pricing/")
    first = '<th scope="row">The first training of each twin</th>'
    assert f'{first}<td class="right">0</td><td class="right">80</td>' in prices
    assert "not offered" in prices
    assert "The first training of each is free on: Built-in preview" in prices


def test_an_engine_that_is_closed_is_on_no_page(client: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal"]
    EngineOffer.objects.create(profile="fal", offered=False)
    assert KEPT in text(client, "/")
    assert "fal.ai" not in text(client, "/pricing/")


def test_the_account_says_what_a_withdrawal_does(client: Any, alice: Any, settings: Any) -> None:
    client.force_login(alice)
    assert "fal.ai" not in text(client, "/account/privacy/")
    settings.STUDIO_PROFILES = ["nano", "fal"]
    consents.give(alice, kind="engine_fal", version=consents.WORDING["engine_fal"][0])
    shown = text(client, "/account/privacy/")
    assert "<h3>fal.ai (Features &amp; Labels, Inc.)</h3>" in shown
    assert "If you withdraw it: Trainings and pictures of you under way at fal.ai" in shown
    client.post("/account/consents/engine_fal/", {"act": "withdraw"})
    assert "If you withdraw it:" not in text(client, "/account/privacy/")
