"""The one place where Django opens ml's Judge (checks photos) and Engine (trains and renders on a base).

Both modules import torch. They are imported inside the functions, so that a process that needs neither does
not load torch."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django.conf import settings

from config import registry
from config.runs.circuit import Circuit
from ml.catalogue import BASES, SERVICES, Base, base_of
from ml.errors import MLError

if TYPE_CHECKING:
    from ml.engine import Engine
    from ml.judge import Judge
    from ml.remote.desk import Desk

_lock = threading.RLock()
_judges: list[Judge] = []  # none or one
_engines: dict[str, Engine] = {}
_desks: list[Desk] = []  # none or one


def get_judge() -> Judge:
    """The judge of photos and faces, opened once a process. Tests replace it with `use_judge`."""
    from ml.judge import Judge

    with _lock:
        if not _judges:
            _judges.append(Judge(threads=settings.STUDIO_THREADS))
        return _judges[0]


def get_base(profile: str | None = None) -> Base:
    """The data of a base, as this installation serves it."""
    name = profile or settings.STUDIO_PROFILE
    return base_of(name, settings.STUDIO_SOURCES.get(name))


def hosted(*services: str) -> list[str]:
    """The names of the bases that run at these services, without any at all of them."""
    return [base.name for base in BASES.values() if base.service in (services or SERVICES)]


def service_of(engine: str) -> str:
    """The service that runs an engine, "" for this machine. An unknown engine is of an older or a newer
    version."""
    return BASES[engine].service if engine in BASES else ""


def get_engine(profile: str | None = None) -> Engine:
    """The engine that trains and renders on a base, opened once a process. Tests replace it with
    `use_engine`."""
    name = profile or settings.STUDIO_PROFILE
    with _lock:
        if name not in _engines:
            _engines[name] = _open(name)
        return _engines[name]


def get_restorer() -> Engine:
    """The engine that restores pictures: they are restored on this machine, also where pictures are made
    elsewhere."""
    here = [name for name in settings.STUDIO_PROFILES if not service_of(name)]
    return get_engine(here[0] if here else "nano")


def _open(name: str) -> Engine:
    if service := service_of(name):
        from ml.remote.engine import open_remote

        if service not in settings.REMOTES:
            raise MLError("engine_misconfigured", f"There is no key for {SERVICES[service].company}.")
        return open_remote(
            name,
            settings.REMOTES[service],
            keys=settings.KEYS / "provenance",
            desk=_desk(),
            circuit=Circuit(),
            on_refused=registry.key_refused,
        )
    from ml.local.engine import LocalEngine

    return LocalEngine(
        name,
        source=settings.STUDIO_SOURCES.get(name),
        keys=settings.KEYS / "provenance",
        threads=settings.STUDIO_THREADS,
        faces=get_judge().faces,  # shared, so that the face models are loaded once a process
        in_8_bits=settings.STUDIO_IN_8_BITS,
        restorers=(settings.RESTORERS, settings.RESTORER),
        video_source=settings.STUDIO_SOURCES.get(BASES[name].video),
    )


def fits(base: Base) -> tuple[list[str], list[str]]:
    """What a base on this machine takes, in words, and what is wrong with it: its files, or too little
    memory."""
    import torch

    from ml.local import fitting

    plans, wrong = [], []
    for name, plan in (("rendering", fitting.serving), ("training", fitting.training)):
        try:
            plans.append(f"{name}: {plan(base, 'cuda' if torch.cuda.is_available() else 'cpu').says()}")
        except MLError as e:
            wrong.append(e.message)
    return plans, list(dict.fromkeys(wrong))


def _desk() -> Desk:
    """Where results of all services are finished: one child process of this one, opened once."""
    from ml.remote.desk import InChild

    if not _desks:
        _desks.append(InChild(settings.KEYS / "provenance", threads=settings.STUDIO_THREADS))
    return _desks[0]


def use_judge(judge: Judge | None) -> None:
    """Replaces the judge; None restores the real one."""
    with _lock:
        _judges[:] = [] if judge is None else [judge]


def use_engine(name: str, engine: Engine | None) -> None:
    """Replaces the engine of a base; None restores the real one."""
    with _lock:
        _engines.pop(name, None)
        if engine is not None:
            _engines[name] = engine
