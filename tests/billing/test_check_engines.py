"""`manage.py check_engines`: whether each engine works, what it costs, what is wrong, in sentences."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.engines import checking
from config import studio
from config.runs.circuit import FAILURES, Circuit
from ml.remote.keys import name_of
from ml.remote.settings import Remote
from tests.remote import FalDouble, TogetherDouble

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    Circuit().worked("fal")
    yield
    Circuit().worked("fal")


@pytest.fixture
def both(fal: FalDouble, together: TogetherDouble, settings: Any) -> FalDouble:
    settings.STUDIO_PROFILES = ["nano", "fal", "together"]
    settings.REMOTES = {
        "fal": Remote("fal", tuple(fal.keys), fal.address),
        "together": Remote("together", tuple(together.keys), together.address),
    }
    return fal


def said(*arguments: Any) -> tuple[str, str]:
    """(what it says and what is wrong, the error that ends it)"""
    out = io.StringIO()
    try:
        call_command("check_engines", *arguments, stdout=out, stderr=out)
    except CommandError as e:
        return out.getvalue(), str(e)
    return out.getvalue(), ""


def test_every_engine_says_what_it_costs_and_nothing_is_spent(both: FalDouble, together: Any) -> None:
    words, wrong = said()
    assert wrong == ""
    for line in ("nano: works", "fal: works", "a training costs us $6.000, and users 80 credits"):
        assert line in words
    assert "a picture costs us $0.035, and users 1 credit" in words
    assert "a clip costs us $0.150, and users 5 credits a second" in words
    assert all(f"key {name_of(key)} works" in words for key in both.keys)
    assert (both.submitted(), together.generated()) == ([], [])
    assert not any(key in words for key in both.keys)


def test_a_refused_key_and_a_service_that_is_away_are_said(both: FalDouble) -> None:
    both.revoke(both.keys[0])
    words, wrong = said("fal", "together")
    assert wrong == "Not in order: fal."
    assert f"key {name_of(both.keys[0])}: fal.ai (Features & Labels, Inc.) refuses our key." in words
    both.refuse()
    assert "cannot be reached now" in said("fal")[0]
    both.listen()


def test_an_open_circuit_is_said(both: FalDouble) -> None:
    for _ in range(FAILURES):
        Circuit().failed("fal")
    assert "failed several times in a row" in said("fal")[0]


def test_missing_files_of_a_base_here_are_said(both: FalDouble, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "flux-schnell"]
    words, wrong = said("flux-schnell")
    assert wrong == "Not in order: flux-schnell."
    assert "The files of the base flux-schnell are not here" in words
    assert said("nothing")[1] == "Not configured: nothing."


def test_it_spends_no_more_than_it_may(both: FalDouble) -> None:
    words, wrong = said("fal", "--spend", "0.3")
    assert wrong == "Not in order: fal."
    assert "this would cost up to $0.42, more than $0.30. Nothing was done." in words
    assert both.submitted() == []
    assert checking.most_spent(studio.get_base("together")) is None


@pytest.mark.thorough
def test_spending_trains_and_paints_there(both: FalDouble, monkeypatch: Any) -> None:
    monkeypatch.setenv("FAL_URL", both.address)
    words, wrong = said("fal", "--spend", "3")
    assert wrong == ""
    assert "at most $0.42 was spent" in words
    assert [run["input"]["steps"] for run in both.submitted(both.TRAINER)] == [checking.STEPS]
    assert len(both.submitted(both.PICTURES)) == 5
