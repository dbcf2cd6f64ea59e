"""Says of each configured engine whether it works, what it costs and what is wrong. Spends nothing, except
`spend`, which trains a twin of a drawn person."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from billing import prices
from billing.engines import costs
from config import studio
from config.runs.circuit import Circuit
from ml.catalogue import SERVICES, Base
from ml.errors import MLError
from ml.remote.failures import failure
from ml.remote.fal import Fal
from ml.remote.keys import name_of
from ml.remote.settings import Remote
from ml.remote.together import Together

CLIENTS: dict[str, type[Any]] = {"fal": Fal, "together": Together}
STEPS = 100  # of a training that only shows that everything works
PHOTOS, PICTURES = 12, 1
PROMPT = "in a park, smiling"


@dataclass
class Report:
    """One engine. `wrong` holds sentences; the engine works while it is empty."""

    base: Base
    facts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def check(base: Base) -> Report:
    report = Report(base)
    if base.service:
        _check_service(report, settings.REMOTES[base.service])
    else:
        _check_here(report)
    report.facts += list(_prices(base))
    return report


def _check_here(report: Report) -> None:
    """Its files and the memory that it needs."""
    plans, wrong = studio.fits(report.base)
    report.facts += plans
    report.wrong += wrong


def _check_service(report: Report, remote: Remote) -> None:
    """Each key by itself. The engine works while one of them does, but a refused key is worth a word."""
    company = SERVICES[remote.service].company
    report.facts.append(f"runs at {company}, {remote.url}")
    client = CLIENTS[remote.service](remote)
    try:
        codes = {name_of(key): _code(client, key) for key in remote.keys}
    finally:
        client.http.close()
    report.facts += [f"key {name} works" for name, code in codes.items() if not code]
    report.wrong += [
        f"key {name}: {failure(remote.service, code).message}" for name, code in codes.items() if code
    ]
    if Circuit().is_open(remote.service):
        report.wrong.append(f"{company} failed several times in a row: for a minute nothing is sent.")


def _code(client: Any, key: str) -> str:
    try:
        return str(client.check_key(key))
    except MLError as e:
        return e.code


def _prices(base: Base) -> Iterator[str]:
    listed = prices.listed(base.name)
    yield f"a picture costs us {_dollars(_unit(base, 'image'))}, and users {_credits(listed['standard'])}"
    if base.trains:
        cost = _dollars(_unit(base, "training"))
        yield f"a training costs us {cost}, and users {_credits(prices.training(base))}"
    if second := prices.video_second(base):
        cost = _dollars(_unit(base, "video"))
        yield f"a clip costs us {cost}, and users {_credits(second)} a second"


def _unit(base: Base, kind: str) -> Decimal | None:
    return costs.cents_of(base.name, kind, 1)


def _dollars(cents: Decimal | None) -> str:
    return (
        "an unknown sum (add a cost of the engine in the admin)" if cents is None else f"${cents / 100:.3f}"
    )


def _credits(credits: int) -> str:
    return f"{credits} credit{'' if credits == 1 else 's'}"


# ---------------------------------------------------------------- spending


def most_spent(base: Base) -> Decimal | None:
    """Cents that `spend` costs at most by the price list. A training is billed by its steps."""
    training, picture = _unit(base, "training"), _unit(base, "image")
    if training is None or picture is None:
        return None
    share = Decimal(STEPS) / base.recipe.steps_most
    return training * share + picture * (base.recipe.prompts * base.recipe.seeds + PICTURES)


def spend(base: Base) -> tuple[bool, str]:
    """Trains a twin of a drawn person there, with few steps, and paints one picture: whether that worked, and
    what the command line said."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = _ml("people", "--count", "1", "--photos", str(PHOTOS), "--seed", "6", "--out", folder)
        if drawn.returncode:
            return False, drawn.stdout
        photos = sorted(map(str, Path(folder).glob("person-*/*.jpg")))
        how = ("--profile", base.name, "--steps", str(STEPS), "--count", str(PICTURES), "--agree")
        made = _ml("twin", *photos, *how, "--prompt", PROMPT, "--out", f"{folder}/twin")
        return not made.returncode, made.stdout


def _ml(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml", *arguments]
    env = os.environ | {f"{name.upper()}_KEYS": ",".join(r.keys) for name, r in settings.REMOTES.items()}
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
