"""Event streams, uploads and headers."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import yaml

from bench.attacks import PASSWORD, Target, attack, expect
from bench.house import ROOT, person

SECONDS = 5.0  # in which a stream must end; the check that needs no message runs every 15 s


class Listening:
    """A client that keeps an event stream open and reads what comes."""

    def __init__(self, client: httpx2.Client) -> None:
        self.text, self.ended, self._client = "", threading.Event(), client
        threading.Thread(target=self._read, daemon=True).start()
        wait(lambda: "event: credits" in self.text, "no stream was opened")

    def _read(self) -> None:
        with suppress(httpx2.TransportError), self._client.stream("GET", "/api/v1/events") as answer:
            for text in answer.iter_text():
                self.text += text
        self.ended.set()


def wait(true: Callable[[], Any], otherwise: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    expect(bool(true()), otherwise)


def apart(client: httpx2.Client) -> httpx2.Client:
    """The same session on a connection of its own."""
    return httpx2.Client(
        base_url=client.base_url, headers=client.headers, cookies=client.cookies, timeout=120
    )


def log_out(client: httpx2.Client, user: Any) -> None:
    client.post("/accounts/logout/")


def change_password(client: httpx2.Client, user: Any) -> None:
    form = {"oldpassword": PASSWORD, "password1": "new " + PASSWORD, "password2": "new " + PASSWORD}
    client.post("/accounts/password/change/", data=form)
    user.refresh_from_db()
    expect(user.check_password("new " + PASSWORD), "the password was not changed")


def end_from_another(client: httpx2.Client, user: Any) -> None:
    from allauth.usersessions.models import UserSession

    key = client.cookies["sessionid"]  # Target.login writes no row for the page of sessions
    UserSession.objects.create(user=user, session_key=key, ip="203.0.113.1", user_agent="").end()


def deactivate(client: httpx2.Client, user: Any) -> None:
    user.is_active = False
    user.save()


def erase(client: httpx2.Client, user: Any) -> None:
    answer = client.request("DELETE", "/api/v1/me", json={"password": PASSWORD})
    expect(answer.status_code == 202, f"the account was not erased: {answer.status_code}")


@attack("M3", "an event stream outlives the right to it")
def outlived(target: Target) -> str:
    ways = (log_out, change_password, end_from_another, deactivate, erase)
    for number, way in enumerate(ways):
        user = person(f"m3-{number}")
        client = target.login(user)
        stream = Listening(apart(client))
        way(client, user)
        wait(stream.ended.is_set, f"the stream went on after {way.__name__}")
    return f"it ended after each of {', '.join(way.__name__ for way in ways)}"


@attack("M4", "one user opens event streams without end")
def countless(target: Target) -> str:
    client = target.login(person("m4"))
    streams = [Listening(apart(client)) for _ in range(13)]
    wait(lambda: sum(s.ended.is_set() for s in streams) == 3, "more than ten streams are open")
    expect(all("too_many" in s.text for s in streams[:3]), "it was not the oldest that ended")
    return "ten stay open; each further one ends the oldest, which is told"


@attack("L7", "a cache keeps answers that are meant for one user")
def cached(target: Target) -> str:
    from config.urls import api

    client = target.login(person("l7"))
    paths = ["/twins/", "/studio/", "/gallery/", "/account/", "/account/credits/", "/account/erase/"]
    paths += [f"/api/v1/{route.pattern}" for route in api if "<" not in str(route.pattern)]
    for path in (*paths, "/api/v1/nothing", "/_allauth/app/v1/auth/session"):
        told = client.get(path).headers.get("Cache-Control", "")
        expect("private" in told and "no-store" in told, f"{path} may be kept: {told!r}")
    return f"{len(paths) + 2} answers say private, no-store"


@contextmanager
def slow_body(target: Target, size: int, **headers: str) -> Iterator[socket.socket]:
    host, port = target.url.removeprefix("http://").split(":")
    lines = {"Host": host, "Content-Length": str(size), "Content-Type": "multipart/form-data; boundary=x"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(f"POST /api/v1/verify HTTP/1.1\r\n{head}\r\n".encode())
        yield line


@attack("L8", "bodies that come a byte at a time hold the server")
def slow(target: Target) -> str:
    with slow_body(target, 1000) as line:
        answer, start = b"", time.monotonic()
        line.settimeout(2)
        while not answer and time.monotonic() < start + 60:
            line.sendall(b"x")
            try:
                answer = line.recv(1000)
            except TimeoutError:
                continue
        seconds = time.monotonic() - start
    expect(b" 408 " in answer.partition(b"\r\n")[0], f"it was served for {seconds:.0f} s: {answer[:60]!r}")
    return f"408 after {seconds:.0f} s"


@attack("L8b", "one client fills the memory with large bodies")
def full(target: Target) -> str:
    """Announces bodies and sends nothing of them. Others are still served."""
    stack = [slow_body(target, 25 * 2**20, **{"X-Forwarded-For": "203.0.113.8"}) for _ in range(6)]
    for each in stack:
        each.__enter__()
    try:
        file = {"file": ("a.jpg", b"\xff\xd8" + bytes(20 * 2**20))}
        start = time.monotonic()
        answer = target.client("203.0.113.9").post("/api/v1/verify", files=file)
        expect(answer.status_code == 200, f"another client got {answer.status_code}")
        seconds = time.monotonic() - start
    finally:
        for each in stack:
            each.__exit__(None, None, None)
    return f"it gets half of the memory; another client was served in {seconds:.1f} s"


@attack("L11", "the containers of compose reach each other and the world without a password")
def containers(target: Target) -> str:
    folder = ROOT / "docker"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    expect("--requirepass" in str(services["redis"].get("command")), "Redis has no password")
    expect("POSTGRES_PASSWORD" not in services["postgres"]["environment"], "PostgreSQL's password is known")
    for port in services["web"]["ports"]:
        expect(bool(re.match(r"\$\{BIND:-127\.0\.0\.1\}:", port)), f"port {port} is open to the network")
    for file in folder.glob("*.Dockerfile"):
        expect(not writable(file), f"the process of {file.name} may change its code")
    return "passwords from secrets, a port of this machine alone, code of root"


def writable(dockerfile: Path) -> bool:
    text = dockerfile.read_text()
    return "--chown" in text or "USER photoflux" not in text
