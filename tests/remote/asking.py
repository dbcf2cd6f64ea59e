"""Plain HTTP to a double, as its own tests speak it."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import made
from .handle import Double, FalDouble


@dataclass
class Said:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


def ask(double: Double, method: str, url: str, body: Any = None, **headers: str) -> Said:
    """One request with the double's first key; bytes are sent as they are, the rest as JSON."""
    scheme = "Key" if isinstance(double, FalDouble) else "Bearer"
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    told = {"Authorization": f"{scheme} {double.keys[0]}", "Content-Type": "application/json"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    parts = urlsplit(url if url.startswith("http") else double.address + url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), data, told)
        answer = connection.getresponse()
        return Said(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    finally:
        connection.close()


def archive(identity: int = 6, count: int = 2, size: tuple[int, int] = (256, 320)) -> bytes:
    """A ZIP of photos of a drawn person."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for i in range(count):
            file.writestr(f"{i}.jpg", made.encode(made.drawn(identity, i, size), "jpeg"))
    return out.getvalue()


def upload(fal: FalDouble, data: bytes, lifecycle: dict[str, Any] | None = None) -> str:
    """The address of an upload."""
    token = ask(fal, "POST", "/storage/auth/token?storage_type=fal-cdn-v3", {}).json
    headers = {"Authorization": f"Bearer {token['token']}", "Content_Type": "application/zip"}
    wish = {"X_Fal_Object_Lifecycle": json.dumps(lifecycle)} if lifecycle else {}
    return ask(fal, "POST", "/files/upload", data, **headers, **wish).json["access_url"]


def submit(fal: FalDouble, model: str, body: Any, query: str = "", **headers: str) -> dict[str, Any]:
    said = ask(fal, "POST", f"/{model}{query}", body, **headers)
    assert said.status == 200, said
    return said.json


def end(fal: FalDouble, run: dict[str, Any]) -> Said:
    """Looks until the run has ended; its result."""
    for _ in range(20):
        if ask(fal, "GET", run["status_url"]).status == 200:
            return ask(fal, "GET", run["response_url"])
    raise AssertionError("the run does not end")


def train(fal: FalDouble, **more: Any) -> Said:
    """The result of a training of a drawn person."""
    body = {"images_data_url": upload(fal, archive()), **more}
    return end(fal, submit(fal, fal.TRAINER, body))


def paint(fal: FalDouble, **more: Any) -> Said:
    return end(fal, submit(fal, fal.PICTURES, {"prompt": "in a park", "image_size": "square", **more}))


def until(true: Callable[[], Any], looks: int = 2000) -> Any:
    """Looks at something that another thread does, until it is true."""
    for _ in range(looks):
        if found := true():
            return found
    raise AssertionError("it never happened")
