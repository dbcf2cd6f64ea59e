"""What a double knows beside its service's own things: the time, what was asked of it, breaches of the
contract, which keys count, and the scenarios that wait for their moment."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from .server import Asked

KEPT = 5000  # calls
SHOWN = 4000  # characters of a body that are kept with its call
UNSHOWN = "authorization"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Scenario:
    """What the next request that fits is to suffer. `model` "" fits every model, `at` names the step."""

    name: str
    at: str
    model: str = ""
    times: int = 1
    params: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)


class Book:
    def __init__(self, keys: tuple[str, ...]) -> None:
        self.lock = RLock()
        self.first_keys = keys
        self.clear()

    def clear(self) -> None:
        with self.lock:
            self.keys: set[str] = set(self.first_keys)
            self.ahead = 0.0  # seconds that the service's clock is before the true time
            self.calls: deque[dict[str, Any]] = deque(maxlen=KEPT)
            self.breaches: list[str] = []
            self.scenarios: list[Scenario] = []
            self.places: dict[str, str] = {}  # public origin -> the server on loopback that stands for it

    def now(self) -> float:
        return time.time() + self.ahead

    def there(self, url: str) -> tuple[str, dict[str, str]]:
        """(the address on loopback, headers) by which this process reaches an address. "" is nowhere: a
        double sends nothing off this machine."""
        parts = urlsplit(url)
        if parts.hostname in LOOPBACK:
            return url, {}
        place = self.places.get(f"{parts.scheme}://{parts.netloc}", "")
        path = parts._replace(scheme="", netloc="").geturl()
        return place and place + path, {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme}

    def breach(self, what: str) -> None:
        with self.lock:
            self.breaches.append(what)

    def note(self, asked: Asked, status: int) -> None:
        """Keeps a call. Keys are kept by their last four characters alone."""
        headers = {name: value for name, value in asked.headers.items() if name != UNSHOWN}
        call = asdict(asked) | {"headers": headers, "body": shown(asked), "status": status}
        call["key"] = asked.headers.get(UNSHOWN, "")[-4:]
        with self.lock:
            self.calls.append(call)

    def add(self, scenario: Scenario) -> None:
        with self.lock:
            self.scenarios.append(scenario)

    def take(self, at: str, model: str = "") -> Scenario | None:
        """The first scenario for this step and model; it is used up with its last time."""
        with self.lock:
            for scenario in self.scenarios:
                if scenario.at in (at, "any") and scenario.model in ("", model) and scenario.times:
                    scenario.times -= 1
                    return scenario
        return None

    def waiting(self) -> list[str]:
        """Names of the scenarios that were not played (to their end)."""
        return [scenario.name for scenario in self.scenarios if scenario.times]


def shown(asked: Asked) -> Any:
    """The body for the record: JSON as such, a short text as text, everything else as its length."""
    if asked.headers.get("content-type", "").startswith("application/json"):
        try:
            return json.loads(asked.body or b"null")
        except ValueError:
            pass
    text = asked.body.decode("utf-8", "replace")
    return text if len(text) < SHOWN and text.isprintable() else f"{len(asked.body)} bytes"
