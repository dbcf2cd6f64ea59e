"""A small HTTP server on loopback whose answers may misbehave: cut short, never sent, too long, late.

One thread for each connection; a thread that waits for its client costs about 50 KB. The same application
is served at two addresses: the public one, which can be closed so that connections are refused, and the
control address, which answers only /_double/.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"
MOST_BODY = 512 << 20  # bytes
CONTROL = "/_double/"


@dataclass
class Asked:
    """A request; the names of `headers` are in lower case."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass
class Answer:
    """An answer: bytes as they are, str as text of JSON, everything else as JSON.

    `length`: the Content-Length to tell, if not the true one. `cut`: closes the connection after the body.
    `silent`: closes it without a word. `wait`: seconds before anything is sent."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    cut: bool = False
    silent: bool = False
    wait: float = 0.0

    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()

    def kind(self) -> str:
        return "application/octet-stream" if isinstance(self.body, bytes) else "application/json"


App = Callable[[Asked], Answer]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 120

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(where.query, keep_blank_values=True))
        asked = Asked(self.command, where.path, query, headers, self.read_body(headers))
        self.send(self.server.app(asked))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve

    def read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self.read_chunk, b""))
        length = int(headers.get("content-length") or 0)
        if length > MOST_BODY:
            raise ConnectionAbortedError("the body is too large")
        return self.rfile.read(length)

    def read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def send(self, answer: Answer) -> None:
        if answer.wait:
            time.sleep(answer.wait)
        if answer.silent:
            self.close_connection = True
            return
        body = answer.data()
        self.send_response(answer.status)
        told = {"Content-Type": answer.kind(), **answer.headers}
        told["Content-Length"] = str(len(body) if answer.length is None else answer.length)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if answer.cut or answer.length is not None:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.server.clock() if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, app: App, clock: Callable[[], float], port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.app, self.clock = app, clock
        self.connections: set[Any] = set()

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def begin(self) -> Server:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def end(self) -> None:
        """Closes the listener and every connection."""
        self.shutdown()
        self.socket.close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Listening:
    """The two listeners of a double. `refuse` closes the public one, `listen` opens it again."""

    def __init__(self, app: App, clock: Callable[[], float], port: int) -> None:
        self.app, self.clock = app, clock
        self.public: Server | None = Server(app, clock, port).begin()
        self.address = self.public.address
        self.port = self.public.server_address[1]
        self.control = Server(self._control, clock).begin().address

    def _control(self, asked: Asked) -> Answer:
        if asked.path.startswith(CONTROL):
            return self.app(asked)
        return Answer(404, {"detail": "This is the control address of a double."})

    def refuse(self) -> None:
        if self.public:
            self.public.end()
            self.public = None

    def listen(self) -> None:
        if not self.public:
            self.public = Server(self.app, self.clock, self.port).begin()
