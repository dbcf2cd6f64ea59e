"""What tests of engines elsewhere share: a journal that never sleeps, and engines at the doubles."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import media, safety
from ml.catalogue import Sizes
from ml.provenance import Signer
from ml.remote.desk import InProcess
from ml.remote.engine import FalEngine, TogetherEngine, open_remote
from ml.remote.settings import Remote
from ml.types import ASPECTS, Photo, RenderSpec, Request, TrainReport, TrainSpec
from tests.ml.doubles import CentredFaces, MemoryStore, Said
from tests.remote import FalDouble, TogetherDouble

# Pictures of 192 px, the least that can be marked: finishing one of a megapixel takes a second.
SMALL = Sizes(dict.fromkeys(ASPECTS, (192, 192)), train=((192, 192),))


@dataclass
class Book:
    """A journal in memory, as Django's: it keeps what ended. `hook` is the address of webhooks; `telling`
    says the id that a webhook told; `on_wait` is called in place of waiting."""

    hook: str = ""
    telling: Callable[[Request], str] = lambda request: ""
    on_wait: Callable[[Request, float], Any] = lambda request, seconds: None
    rows: list[Request] = field(default_factory=list)
    works: dict[str, str] = field(default_factory=dict)  # reference -> work
    states: dict[str, str] = field(default_factory=dict)  # reference -> state
    copies: dict[tuple[str, str], str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def open(self, work: str) -> Request | None:
        for row in reversed(self.rows):
            state = self.states[row.reference]
            gone = state in ("written_off", "cancelled") or (state == "failed" and not row.request_id)
            if self.works[row.reference] == work and not gone:
                return row
        return None

    def begin(self, work: str, service: str, model: str) -> Request:
        self.rows.append(Request(str(uuid.uuid4()), service, model, began=time.time()))
        self.works[self.rows[-1].reference], self.states[self.rows[-1].reference] = work, "sending"
        return self.rows[-1]

    def sent(self, request: Request) -> None:
        self.rows = [request if row.reference == request.reference else row for row in self.rows]
        self.states[request.reference] = "waiting"

    def named(self, request: Request) -> str:
        return self.telling(request)

    def ended(self, request: Request, state: str) -> None:
        self.states[request.reference] = state

    def webhook(self, request: Request) -> str:
        return f"{self.hook}/hooks/fal/{request.reference}" if self.hook else ""

    def wait(self, request: Request, seconds: float) -> None:
        self.waits.append(seconds)
        self.on_wait(request, seconds)

    def copy(self, service: str, name: str) -> str:
        return self.copies.get((service, name), "")

    def copied(self, service: str, name: str, url: str, seconds: float) -> None:
        self.copies[service, name] = url

    def said(self) -> dict[str, list[str]]:
        """The states of the requests of each work, in order."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(self.works[row.reference], []).append(self.states[row.reference])
        return found

    def aged(self, seconds: float) -> None:
        """As if every request had begun so much earlier."""
        self.rows = [replace(row, began=row.began - seconds) for row in self.rows]


@cache
def shades(count: int = 6) -> tuple[Photo, ...]:
    """Photos of one person by CentredFaces: their mean colour is their face."""

    colours = [np.full((256, 256, 3), (110 + 4 * i, 90, 60), np.uint8) for i in range(count)]
    pictures = [
        colour + (np.indices((256, 256)).sum(0) // 8 % 2 * 40).astype(np.uint8)[..., None]
        for colour in colours
    ]
    return tuple(Photo(f"p{i}", media.encode_jpeg(picture)) for i, picture in enumerate(pictures))


@dataclass
class Bench:
    """An engine at a double, with its store, journal and what its progress told."""

    engine: FalEngine | TogetherEngine
    store: MemoryStore
    journal: Book
    told: list[tuple[str, float]] = field(default_factory=list)
    stop: Callable[[str], bool] = lambda stage: False

    def tell(self, stage: str, share: float) -> bool:
        self.told.append((stage, share))
        return self.stop(stage)

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(stage for stage, _ in self.told))

    def train(self, photos: tuple[Photo, ...] = (), **more: Any) -> TrainReport:
        spec = TrainSpec(photos or shades(), **{"subject": "woman", "seed": 1, **more})
        return self.engine.train(spec, store=self.store, on_progress=self.tell, journal=self.journal)

    def render(self, *, own: bool = False, **spec: Any) -> list[Any]:
        """`own`: with the engine's own journal, as on the command line."""
        wanted = RenderSpec(**{"prompt": "in a park", "count": 1, "seed": 7, **spec})
        journal = None if own else self.journal
        return list(self.engine.render(wanted, store=self.store, on_progress=self.tell, journal=journal))


def bench(double: FalDouble | TogetherDouble, folder: Path, *, scenes: int = 1, **more: Any) -> Bench:
    service = double.program
    remote = Remote(service, tuple(double.keys), double.address, **more)
    desk = InProcess(CentredFaces(), Signer.open(folder))
    engine = open_remote(service, remote, keys=folder, desk=desk)
    engine.base = replace(engine.base, sizes=SMALL, recipe=replace(engine.base.recipe, prompts=scenes))
    client = engine.fal if isinstance(engine, FalEngine) else engine.together
    client.http.sleep = lambda seconds: None
    return Bench(engine, MemoryStore(), Book())


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signing")


@pytest.fixture
def detector() -> Iterator[Said]:
    said = Said()
    safety.use_detector(said)
    yield said
    safety.use_detector(safety.Detector(safety.detector_command()))
