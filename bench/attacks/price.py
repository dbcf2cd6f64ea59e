"""Work for less than its price."""

from __future__ import annotations

from typing import Any

import httpx2

from bench.attacks import Target, attack, expect
from bench.house import person

STARTS = 8  # free trainings that the attacker begins and cancels


@attack("M1", "a draft with fifty steps at a draft's price")
def steps(target: Target) -> str:
    asked = target.login(person("steps"))
    body = {"kind": "image", "prompt": "in a park", "quality": "draft", "count": 8}
    prices = [_ask(asked, "quote", body | more)["credits"] for more in ({}, {"steps": 50})]
    held = _ask(asked, "generations", body | {"steps": 50})["credits"]["held"]
    expect(held == prices[1], f"{prices[1]} credits are quoted and {held} held")
    expect(prices[1] >= 10 * prices[0], f"12 times the steps cost {prices[1]} credits instead of {prices[0]}")
    return f"eight drafts cost {prices[0]} credits, with 50 steps {prices[1]}"


@attack("M2", "endless free training: the most steps, cancelled, again")
def free_training(target: Target) -> str:
    user = person("freeloader")
    twin = _ready_twin(user)
    browser, where = target.login(user), f"/api/v1/twins/{twin}/trainings"
    refused = browser.post(where, json={"steps": 4000}).status_code
    expect(refused == 422, "4,000 steps are taken")
    starts = [_start_and_cancel(browser, where) for _ in range(STARTS)]
    free = starts.count(0)
    expect(free <= 3, f"{free} of {STARTS} begun and cancelled trainings were free")
    return f"4,000 steps: 422; free were {free} of {STARTS} begun and cancelled trainings"


@attack("M2b", "free trainings and pictures for invented addresses")
def invented_addresses(target: Target) -> str:
    from allauth.account.models import EmailAddress

    user = person("nobody")
    EmailAddress.objects.filter(user=user).update(verified=False)
    twin, browser = _ready_twin(user), target.login(user)
    asked = {f"twins/{twin}/trainings": {}, "generations": {"prompt": "in a park"}}
    codes = [browser.post(f"/api/v1/{path}", json=body).json().get("code") for path, body in asked.items()]
    expect(set(codes) == {"email_unconfirmed"}, f"an unproven address gets work: {codes}")
    return "email_unconfirmed for a training and for a picture"


@attack("M2c", "ten trainings of one person before the one of another")
def queue(target: Target) -> str:
    from billing.models import Wallet
    from twins.tasks import _turns

    many, one = person("many"), person("one")
    Wallet.objects.filter(user=many).update(plan="pro")
    browser = target.login(many)
    for _ in range(4):
        _ask(browser, f"twins/{_ready_twin(many)}/trainings", {})
    other = _ask(target.login(one), f"twins/{_ready_twin(one)}/trainings", {})
    expect(other["position"] == 2, f"the other's place is {other['position']}")
    expect(str(_turns("train")[1].id) == other["id"], "the worker takes another one second")
    return "four trainings wait, and the other person's has place 2"


@attack("M2d", "paid trainings cancelled in their last step, again and again")
def cancelled_work(target: Target) -> str:
    from billing import ledger, prices

    user = person("quitter")
    twin, wallet = _ready_twin(user), ledger.wallet_of(user)
    type(wallet).objects.filter(id=wallet.id).update(free_trainings=wallet.plan.twins)
    browser, where = target.login(user), f"/api/v1/twins/{twin}/trainings"
    before = ledger.balance(wallet).available
    for _ in range(STARTS):
        _start_and_cancel(browser, where, share=0.99)
    paid, price = before - ledger.balance(wallet).available, prices.training()
    expect(paid >= (STARTS - 1) * price, f"{STARTS} nearly finished trainings cost {paid} credits")
    return f"{STARTS} nearly finished trainings of {price} credits cost {paid}"


def _ask(client: httpx2.Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(f"/api/v1/{path}", json=body)
    answer.raise_for_status()
    return answer.json()


def _start_and_cancel(browser: httpx2.Client, where: str, share: float = 0.0) -> int:
    """Begins a training as a worker does, cancels it, and returns the credits that it held."""
    from twins.models import Training

    training = browser.post(where, json={}).json()
    run = Training.claim(training["id"])
    if run:
        run.progress("training", share)
    browser.post(f"/api/v1/trainings/{training['id']}/cancel")
    if run:
        run.end_cancelled()
    return int(training["credits"]["held"])


def _ready_twin(user: Any) -> str:
    """A twin with ten accepted photos."""
    from twins.models import Photo, Twin

    twin = Twin.objects.create(user=user, name="Me")
    facts = {"status": "succeeded", "accepted": True, "yaw": 0.0, "light": 0.5}
    Photo.objects.bulk_create(Photo(user=user, twin=twin, hash=n, **facts) for n in range(10))
    return str(twin.id)
