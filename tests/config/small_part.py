"""A part of a colour for test_release.py, copied into a tree: python part.py COLOUR web|work PORT

Its version is the name of its folder. The web process answers with it; /slow answers once the file `go` is
in the folder above, and an event stream never ends. The worker writes down that it is told to stop.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        while self.path == "/slow" and not (HERE.parent / "go").exists():
            time.sleep(0.02)
        self.send_response(503 if self.path == "/readyz" and (HERE / "unready").exists() else 200)
        self.end_headers()
        self.wfile.write(f"{HERE.name}\n".encode())
        if self.path == "/api/v1/events":
            self.wfile.flush()
            threading.Event().wait()

    def log_message(self, *_: object) -> None:
        pass


def note(words: str) -> None:
    with (HERE.parent / "journal").open("a") as journal:
        journal.write(f"{HERE.name} {words}\n")


def work() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    note("works")
    signal.sigwait([signal.SIGTERM])
    note("hands back")


def serve(port: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    colour, part, port = sys.argv[1:]
    if part == "work":
        work()
    else:
        first = int(port) + {"blue": 1, "green": 3}[colour]
        for each in (first, first + 1):
            serve(each)
