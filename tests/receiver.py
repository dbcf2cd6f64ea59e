"""A server that takes webhooks, well or badly. The path says how it answers."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_server import LocalServer


@dataclass(frozen=True)
class Taken:
    at: float  # time.time()
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(LocalServer):
    """Paths: /ok, /status/418 (any), /hang, /drip, /endless, /moved, /later/60 (429, Retry-After)."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(Handler, tls)
        self.taken: list[Taken] = []
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.taken.append(Taken(time.time(), self.path, headers, body))
        kind, _slash, more = self.path[1:].partition("/")
        getattr(self, f"answer_{kind}", self.answer_ok)(more)

    def answer_ok(self, more: str) -> None:
        self._answer(200)

    def answer_status(self, more: str) -> None:
        self._answer(int(more))

    def answer_later(self, more: str) -> None:
        self._answer(429, **{"Retry-After": more})

    def answer_moved(self, more: str) -> None:
        self._answer(301, Location=f"http://127.0.0.1:{self.server.server_address[1]}/ok")

    def answer_hang(self, more: str) -> None:
        self.server.over.wait()

    def answer_drip(self, more: str) -> None:
        """A header that never ends, a letter at a time."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.over.wait(0.1):
            self.wfile.write(b"x")

    def answer_endless(self, more: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(2 * 2**30))
        self.end_headers()
        self.server.sent = 0  # type: ignore[attr-defined]
        while not self.server.over.is_set():
            self.wfile.write(b"x" * 65536)
            self.server.sent += 65536  # type: ignore[attr-defined]

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None: ...


def listening(family: int = socket.AF_INET, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that would take a connection, to show that none came."""
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen()
    made.setblocking(False)
    return made


def came(made: socket.socket) -> bool:
    try:
        made.accept()[0].close()
    except BlockingIOError:
        return False
    return True
