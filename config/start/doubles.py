"""`make run DOUBLES=1`: doubles of fal.ai and Together AI beside the programs, for trying the hosted engines
without a key.

They are part of the tests, so they need a checkout. A service whose key or address is set is not replaced.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.start import env
from config.start.checkout import ROOT
from config.start.parts import RunError
from config.start.processes import Process

HOST = "127.0.0.1"
COMPANIES = {"fal": "fal.ai", "together": "Together AI"}
KEYS = {"fal": "double-key:of-make-run", "together": "double-key-of-make-run"}
BELOW = {"fal": "", "together": "/v1"}  # the path of each API
NAMES = [f"{service.upper()}_{what}" for service in COMPANIES for what in ("KEYS", "URL")]


@dataclass(frozen=True)
class Double:
    service: str
    port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> Process:
        command = (sys.executable, "-m", f"tests.remote.{self.service}", "--port", str(self.port))
        kept = ("--keys", KEYS[self.service], "--state", str(self.folder))
        return Process(f"{self.service}-double", command + kept, {"HF_HUB_OFFLINE": "1"})

    @property
    def settings(self) -> Mapping[str, str]:
        name = self.service.upper()
        return {f"{name}_KEYS": KEYS[self.service], f"{name}_URL": self.address + BELOW[self.service]}


def wanted(var: Path) -> tuple[Double, ...]:
    """The doubles that DOUBLES=1 asks for, in this environment. Raises RunError outside a checkout."""
    if not env.flag("DOUBLES"):
        return ()
    if not (ROOT / "tests" / "remote").is_dir():
        raise RunError("DOUBLES=1 needs a checkout: the doubles of the services are in its tests/.")
    folders = {service: var / "doubles" / service for service in COMPANIES if not _is_set(service)}
    return tuple(Double(service, port_in(folder), folder) for service, folder in folders.items())


def _is_set(service: str) -> bool:
    return any(env.given(f"{service.upper()}_{what}") for what in ("KEYS", "URL"))


def port_in(folder: Path) -> int:
    """The port of the last time, because stored addresses name it; another where it is in use."""
    file = folder / "port"
    with suppress(OSError, ValueError):
        port = int(file.read_text())
        socket.create_server((HOST, port)).close()
        return port
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(str(port))
    return port


def enter(doubles: tuple[Double, ...]) -> None:
    """Puts the settings that point at the doubles into os.environ."""
    for double in doubles:
        os.environ.update(double.settings)


def told(doubles: tuple[Double, ...]) -> str:
    places = ", ".join(f"{COMPANIES[double.service]} at {double.address}" for double in doubles)
    return f"Starting doubles in the place of hosted engines: {places}. Nothing is sent to the companies"
