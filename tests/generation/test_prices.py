"""Prices go by work: no request gets more of it for a credit than the price list gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import pytest

from billing import ledger, prices
from generation.kinds.image import ImageKind, spec
from generation.models import Job
from generation.serializers import JobForm
from ml.catalogue import BASES, Base, steps_of
from ml.types import ASPECTS, ERAS, QUALITIES, STYLES

pytestmark = pytest.mark.django_db
# Values of each parameter of a request. A new parameter fails the first test until it is listed here.
VALUES: dict[str, tuple[Any, ...]] = {
    "kind": ("image",),
    "twin": (None,),  # an adapter's work is below a hundredth of a picture's
    "prompt": ("in a park", "in a park, " * 90),
    "negative_prompt": ("", "blurred"),
    "style": STYLES,
    "era": (None, *ERAS),
    "album": (None,),  # where results are put is no work
    "aspect_ratio": ASPECTS,
    "quality": QUALITIES,
    "count": tuple(range(1, 9)),
    "seed": (0, 2**31 - 1),
    "steps": (None, *range(1, 51)),
    "reference": (None,),  # a picture takes a step or two less from one
    "strength": (None, 0.1, 0.5, 1.0),
    "adult": (False,),  # which words it has is no work
    "engine": ("nano",),  # each engine is walked by the test below
}
ALIKE = 1.08  # the sizes of the aspects differ by less


def work_of(job: Job, base: Base) -> float:
    """Steps of all pictures, as the engine takes them, for a picture of the size of 1:1."""
    each = [spec(job, i) for i in range(job.count)]
    sizes = base.sizes.by_aspect
    return sum(steps_of(base, s.quality, s.steps) * prod(sizes[s.aspect]) / prod(sizes["1:1"]) for s in each)


def price_of(base: Base, **fields: Any) -> tuple[float, int]:
    job = Job(**{"prompt": "x", "seed": 1, "engine": base.name} | fields)
    return work_of(job, base), ImageKind().price(job)


def test_every_parameter_is_walked() -> None:
    assert set(VALUES) == set(JobForm().fields)


@pytest.mark.parametrize("name", BASES)
def test_no_parameter_buys_more_work_for_a_credit_than_the_list(name: str) -> None:
    base, each = BASES[name], prices.per_picture(name)
    best = max(steps_of(base, quality) / float(each[quality]) for quality in QUALITIES)
    for quality, count, steps in product(QUALITIES, VALUES["count"], (None, 1, 5, 7, 12, 13, 50)):
        work, price = price_of(base, quality=quality, count=count, steps=steps)
        assert work <= price * best
    for field, values in VALUES.items():  # each parameter alone
        for work, price in (
            price_of(base, **{field: value}) for value in values if field not in ("twin", "engine")
        ):
            assert work <= price * best * ALIKE


@pytest.mark.parametrize("quality", QUALITIES)
def test_more_steps_than_the_qualitys_cost_more(quality: str) -> None:
    nano = BASES["nano"]
    own = [price_of(nano, quality=quality, count=2, steps=n)[1] for n in (None, steps_of(nano, quality))]
    assert own[0] == own[1] < price_of(nano, quality=quality, count=2, steps=steps_of(nano, quality) + 1)[1]
    costs = [price_of(nano, quality=quality, count=2, steps=n)[1] for n in range(1, 51)]
    assert costs == sorted(costs)
    assert costs[-1] >= 8 * costs[0]


def test_drafts_cost_half_of_standard_pictures() -> None:
    assert [prices.pictures(BASES["nano"], quality, 4) for quality in QUALITIES] == [2, 4, 8]
    assert prices.pictures(BASES["nano"], "draft", 1) == 1


def test_fifty_steps_are_quoted_and_held_at_their_price(as_alice: Any, alice: Any) -> None:
    ledger.grant(ledger.wallet_of(alice), 20, cause="test")
    asked = {"kind": "image", "prompt": "in a park", "quality": "draft", "steps": 50}
    assert as_alice.post("/api/v1/quote", asked, format="json").json() == {"credits": 9}
    made = as_alice.post("/api/v1/generations", asked, format="json").json()
    assert made["credits"]["held"] == 9
    draft = {"overrides": {"quality": "high"}}
    again = as_alice.post(f"/api/v1/generations/{made['id']}/repeat", draft, format="json").json()
    assert (again["credits"]["held"], again["recipe"]["steps"]) == (9, 50)


def test_one_of_two_drafts_is_not_free(
    as_alice: Any, trained: Any, engine: Any, work: Callable[[], int]
) -> None:
    engine.refuse = lambda asked: asked.seed == 8
    asked = {"twin": str(trained.id), "prompt": "in a park", "quality": "draft", "count": 2, "seed": 7}
    job = as_alice.post("/api/v1/generations", asked, format="json").json()
    assert job["credits"]["held"] == 1
    work()
    assert as_alice.get(f"/api/v1/generations/{job['id']}").json()["credits"]["captured"] == 1


def test_a_prompt_that_is_not_read_whole_is_told_before_it_is_charged(as_alice: Any) -> None:
    long = "smiling, in a park, " * 14 + "wearing a red dress"
    asked = {"kind": "image", "prompt": long, "negative_prompt": long}
    told = as_alice.post("/api/v1/quote", asked, format="json").json()
    assert told["credits"] == 1
    assert 0 < told["prompt_read_until"] < long.index("red dress")
    made = as_alice.post("/api/v1/generations", asked, format="json").json()
    assert made["prompt_read_until"] == told["prompt_read_until"]
    assert made["negative_prompt_read_until"] == told["negative_prompt_read_until"]
    short = as_alice.post("/api/v1/generations", {"prompt": "in a park"}, format="json").json()
    assert short["prompt_read_until"] is None
