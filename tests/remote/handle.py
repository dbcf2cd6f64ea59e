"""Starts a double as a process and drives it; see the package for examples."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, Any]


class DoubleError(Exception):
    """The control refused what was asked of it."""


class Double:
    """A double. `address` is what the product is given, `keys` are the keys that it accepts."""

    program = ""

    def __init__(
        self, *, quick: bool = True, state: Path | None = None, port: int = 0, steps: int = 0
    ) -> None:
        self.quick, self.state, self.port, self.steps = quick, state, port, steps
        self.process: subprocess.Popen[str] | None = None
        self.address = self.control = ""
        self.keys: list[str] = []

    # ---------------------------------------------------------------- the process

    def start(self) -> Self:
        command = [sys.executable, "-m", f"tests.remote.{self.program}", "--port", str(self.port)]
        command += ["--with-parent", "--steps", str(self.steps)]
        command += ["--quick"] * self.quick + (["--state", str(self.state)] if self.state else [])
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        said = json.loads(self.process.stdout.readline())
        self.address, self.control = said["address"], said["control"]
        self.port = int(self.address.rpartition(":")[2])
        self.keys = self.seen()["keys"]
        return self

    @classmethod
    def at(cls, address: str) -> Self:
        """The handle of a double that somebody else started."""
        double = cls()
        double.address = double.control = address
        double.keys = double.seen()["keys"]
        return double

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---------------------------------------------------------------- control

    def do(self, what: str, row: Row | None = None) -> Row:
        body = json.dumps(row or {}).encode()
        return self._ask(urllib.request.Request(f"{self.control}/_double/{what}", body, method="POST"))

    def _ask(self, request: urllib.request.Request | str) -> Row:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise DoubleError(e.read().decode()) from None

    def seen(self) -> Row:
        """Everything that was asked and made: calls, breaches, files, waiting; fal's runs and webhooks."""
        return self._ask(f"{self.control}/_double/seen")

    def reset(self) -> None:
        self.do("reset")

    def scenario(self, name: str, *, model: str = "", at: str = "", times: int = 1, **params: Any) -> None:
        self.do("scenario", {"name": name, "model": model, "at": at, "times": times, "params": params})

    def advance(self, seconds: float) -> float:
        """Moves the service's clock; returns its time."""
        return self.do("clock", {"advance": seconds})["now"]

    def finds(self, origin: str, address: str) -> None:
        """An https origin is at this address on loopback: webhooks and LoRAs go and come there."""
        self.do("place", {"origin": origin, "address": address})

    def refuse(self) -> None:
        """Connections are refused from now on, and the open ones closed, until `listen`."""
        self.do("refuse")

    def listen(self) -> None:
        self.do("listen")

    def revoke(self, *keys: str) -> None:
        self.do("keys", {"revoke": keys})

    def admit(self, *keys: str) -> None:
        self.do("keys", {"admit": keys})

    def knows(self, fingerprint: str, archive: bytes) -> None:
        """Teaches whose photos belong to a LoRA that was not trained here (made.fingerprint tells it)."""
        url = f"{self.control}/_double/person?fingerprint={fingerprint}"
        self._ask(urllib.request.Request(url, archive, method="POST"))

    # ---------------------------------------------------------------- what was seen

    @property
    def requests(self) -> list[Row]:
        """Every call: method, path, query, headers, body, status (0: no answer), key (its last four)."""
        return self.seen()["calls"]

    @property
    def breaches(self) -> list[str]:
        """What was sent against the contract; a test of the product asserts that it is empty."""
        return self.seen()["breaches"]

    @property
    def waiting(self) -> list[str]:
        """Scenarios that nothing met yet."""
        return self.seen()["waiting"]

    def files(self, role: str = "") -> list[Row]:
        """`role` is upload or result: name, kind, size, url, expires, acl, expired."""
        return [row for row in self.seen()["files"] if role in ("", row["role"])]

    def read(self, url: str) -> bytes:
        """The bytes of a file, whoever may read it."""
        scheme = {"FalDouble": "Key"}.get(type(self).__name__, "Bearer")
        headers = {"Authorization": f"{scheme} {self.keys[0]}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.read()


class FalDouble(Double):
    program = "fal"
    TRAINER = "fal-ai/flux-lora-portrait-trainer"
    PICTURES = "fal-ai/flux-lora"
    CLIPS = "fal-ai/wan/v2.2-5b/image-to-video"

    def submitted(self, model: str = "") -> list[Row]:
        """The requests it has taken: id, model, input, webhook, state, code, cancelled, scenario, headers."""
        return [row for row in self.seen()["runs"] if model in ("", row["model"])]

    @property
    def webhooks(self) -> list[Row]:
        """Every try to deliver one: url, request_id, status, answer (HTTP status, 0 without one), how."""
        return self.seen()["webhooks"]

    def pace(
        self, model: str = "", *, polls: int = 2, seconds: float | None = None, hold: bool = False
    ) -> None:
        """How long requests take: so many looks, or seconds, or until `finish`."""
        self.do("pace", {"model": model, "polls": polls, "seconds": seconds, "hold": hold})

    def finish(self, id: str = "") -> None:
        """Ends a request now; without an id, all that are open."""
        self.do("finish", {"id": id} if id else {})

    def webhook(self, id: str, **how: Any) -> bool:
        """Sends the webhook of a request once more; whether it was answered 2xx. `how`: forged, stale,
        padding (bytes), url, body."""
        return self.do("webhook", {"id": id, **how})["ok"]

    def rotate(self, *, keep: bool = True) -> None:
        """A new key signs webhooks; with `keep` the old one stays published."""
        self.do("rotate", {"keep": keep})


class TogetherDouble(Double):
    program = "together"
    SCHNELL = "black-forest-labs/FLUX.1-schnell"
    LORA_MODEL = "double/FLUX.1-schnell-lora"  # what TOGETHER_LORA_MODEL is set to for the double

    def generated(self, model: str = "") -> list[Row]:
        """The bodies of the requests for pictures that were answered 200."""
        rows = [row for row in self.requests if row["path"].endswith("/images/generations")]
        return [r["body"] for r in rows if r["status"] == 200 and model in ("", r["body"]["model"])]
