"""The time that pictures show: offered by engines that know its words, refused by others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from billing import ledger
from config import studio
from gallery.models import Item
from generation.models import Job
from ml.catalogue import BASES
from ml.prompts import compose, count_tokens, era_words, known_eras, read_until, unknown_words
from ml.types import ERAS, Picture, RenderSpec
from tests.engines import offer
from tests.studio import EngineDouble

FLUX = "flux-schnell"


@dataclass
class Remembers(EngineDouble):
    asked: list[RenderSpec] = field(default_factory=list)

    def render(self, spec: RenderSpec, **more: Any) -> Iterator[Picture]:
        self.asked.append(spec)
        yield from super().render(spec, **more)


@pytest.fixture
def flux(settings: Any) -> Iterator[Remembers]:
    """flux-schnell beside the built-in engine, by a double."""
    offer(settings, FLUX, "nano")
    double = Remembers()
    studio.use_engine(FLUX, double)
    yield double
    studio.use_engine(FLUX, None)


def ask(client: Any, **fields: Any) -> Any:
    return client.post("/api/v1/generations", {"prompt": "by the sea"} | fields, format="json")


# ---------------------------------------------------------------- the words


@pytest.mark.parametrize("era", ERAS)
def test_the_words_stand_before_the_prompt(era: str) -> None:
    text = compose("by the sea", "noir", "woman", twin=True, era=era)
    assert text == f"film noir of ohwx woman in the {era}, with the clothes and hair of the {era}, by the sea"
    assert compose("by the sea", "noir", "woman", twin=True) == "film noir of ohwx woman, by the sea"


def test_a_base_offers_the_eras_whose_words_it_knows() -> None:
    assert {name: known_eras(base) for name, base in BASES.items() if known_eras(base) != ERAS} == {
        "nano": ()
    }
    assert "1950s" in unknown_words(BASES["nano"], era_words("1950s"))


def test_the_words_count_as_read() -> None:
    base, prompt = BASES[FLUX], "smiling, in a park, " * 60
    how = {"style": "noir", "subject": "woman", "twin": True}
    shorter, longer = read_until(base, prompt, **how, era="1950s"), read_until(base, prompt, **how)  # type: ignore[arg-type]
    assert shorter is not None
    assert longer is not None
    assert shorter < longer
    assert count_tokens(base, compose(prompt[:shorter], **how, era="1950s")) <= base.tokens  # type: ignore[arg-type]


# ---------------------------------------------------------------- requests


@pytest.mark.django_db
def test_an_era_reaches_the_engine_the_recipe_and_what_is_made_again(
    as_alice: Any, alice: Any, flux: Remembers, work: Callable[[], int]
) -> None:
    ledger.grant(ledger.wallet_of(alice), 20, cause="test")
    asked = ask(as_alice, era="1970s").json()
    assert asked["recipe"]["era"] == "1970s"
    again = as_alice.post(f"/api/v1/generations/{asked['id']}/repeat").json()
    other = as_alice.post(
        f"/api/v1/generations/{asked['id']}/repeat", {"overrides": {"era": None}}, format="json"
    ).json()
    assert (again["recipe"]["era"], other["recipe"]["era"]) == ("1970s", None)
    work()
    assert [spec.era for spec in flux.asked] == ["1970s", "1970s", ""]
    item = Item.objects.filter(recipe__era="1970s").first()
    assert item is not None
    similar = as_alice.post(f"/api/v1/items/{item.id}/similar").json()
    assert similar["recipe"]["era"] == "1970s"


@pytest.mark.django_db
def test_without_an_era_it_is_null(as_alice: Any, flux: Remembers) -> None:
    assert ask(as_alice).json()["recipe"]["era"] is None
    assert ask(as_alice, era=None).json()["recipe"]["era"] is None


@pytest.mark.django_db
def test_an_engine_that_lacks_the_words_refuses_and_nothing_is_held(
    as_alice: Any, alice: Any, flux: Remembers
) -> None:
    for answer in (
        ask(as_alice, era="1920s", engine="nano"),
        as_alice.post("/api/v1/quote", {"kind": "image", "era": "1920s", "engine": "nano"}, format="json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "era_unfit")
        assert "Nothing was charged" in answer.json()["detail"]
    assert not Job.objects.exists()
    assert ledger.balance(ledger.wallet_of(alice)).held == 0


@pytest.mark.django_db
@pytest.mark.parametrize("era", ["1890s", "", 1950, ["1950s"]])
def test_an_unknown_era_is_a_fault_of_the_field(as_alice: Any, flux: Remembers, era: Any) -> None:
    answer = ask(as_alice, era=era)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["era"])


@pytest.mark.django_db
def test_engines_tell_which_they_know(as_alice: Any, flux: Remembers) -> None:
    told = {each["id"]: each["eras"] for each in as_alice.get("/api/v1/engines").json()}
    assert told == {FLUX: list(ERAS), "nano": []}


# ---------------------------------------------------------------- the studio


@pytest.mark.django_db
def test_the_studio_offers_eras_where_an_engine_knows_them(
    client: Any, alice: Any, flux: Remembers, settings: Any
) -> None:
    client.force_login(alice)
    shown = client.get("/studio/?prompt=x&era=1980s")
    assert 'name="era" value="1980s" checked' in shown.text
    assert json.loads(shown.context["picks"].for_script())["eras"] == {FLUX: list(ERAS), "nano": []}
    offer(settings, "nano")
    assert 'name="era"' not in client.get("/studio/").text


@pytest.mark.django_db
def test_the_studio_sends_it_and_keeps_it(
    client: Any, alice: Any, flux: Remembers, work: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    ledger.grant(ledger.wallet_of(alice), 20, cause="test")
    client.force_login(alice)
    with django_capture_on_commit_callbacks(execute=True):
        sent = client.post("/studio/", {"prompt": "by the sea", "era": "1950s", "engine": FLUX})
    work()
    assert "era=1950s" in sent["Location"]
    assert Job.objects.get().era == "1950s"
    assert "&amp;era=1950s" in client.get("/studio/").text  # of "Change" and "Same seed"
    refused = client.post("/studio/", {"prompt": "by the sea", "era": "1950s", "engine": "nano"})
    assert "does not know how that time looked" in refused.text
    assert Job.objects.count() == 1
