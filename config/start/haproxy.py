"""HAProxy in front of the two colours: its configuration, and the commands of its runtime API.

python -m config.start.haproxy deploy/haproxy/haproxy.cfg [--port 8000] [--socket PATH] [--own]
"""

from __future__ import annotations

import argparse
import csv
import socket
import sys
from pathlib import Path

from config.start.colours import COLOURS, ports

SOCKET = Path("/run/haproxy/admin.sock")  # where Debian's package has it
WAIT = 5.0  # seconds for an answer of HAProxy
OWNER = """
    user haproxy
    group haproxy
    chroot /var/lib/haproxy"""
CONFIG = """\
# Written by python -m config.start.haproxy: HAProxy before the two colours (docs/operations/release.md).
global
    log stderr format raw daemon notice
    stats socket {socket} mode 600 level admin
    hard-stop-after 10m{owner}

defaults
    mode http
    log global
    option forwardfor
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout queue 10s
    timeout check 3s
    timeout http-request 30s
    # A process that is gone is left at once, for another one.
    retries 3
    option redispatch 1
    # Each request gets its own connection: a kept one may be closed by the process just as it is used.
    http-reuse never
    balance leastconn

frontend photoflux
    bind 127.0.0.1:{port}
    http-request deny deny_status 404 if {{ path /metrics }}
    use_backend streams if {{ path /api/v1/events }}
    default_backend web

backend web
    option httpchk
    http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host localhost
    # What only reads is asked once more when its process ended before the answer.
    retry-on conn-failure empty-response
    http-request disable-l7-retry unless METH_GET
    default-server check inter 1s fall 3 rise 1
{web}

# Event streams last for hours. They have the states of `web`, and are counted apart.
backend streams
{streams}
"""


class Away(Exception):
    """HAProxy does not answer, or refuses; the sentence says what to do."""


def config(*, port: int, socket: Path, owner: bool = True) -> str:
    """The colours listen at the ports after `port`. `owner`: HAProxy is started by root and gives that up."""
    servers = [(f"{c}-{n}", at) for c in COLOURS for n, at in enumerate(ports(c, port), 1)]
    return CONFIG.format(
        port=port,
        socket=socket,
        owner=OWNER if owner else "",
        web="\n".join(f"    server {name} 127.0.0.1:{at}" for name, at in servers),
        streams="\n".join(f"    server {name} 127.0.0.1:{at} track web/{name}" for name, at in servers),
    )


class Runtime:
    """A running HAProxy, by its socket. Every method raises Away."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def serving(self) -> list[str]:
        """The colours that get requests now."""
        up = {row["svname"].partition("-")[0] for row in self._rows("web") if row["status"].startswith("UP")}
        return [colour for colour in COLOURS if colour in up]

    def hold(self, colour: str) -> None:
        """Sends it nothing, also when it answers."""
        self._ask(*self._states(colour, "maint"))

    def switch(self, to: str, away: str | None) -> None:
        """New requests go to one colour and no longer to the other, which keeps those it has."""
        self._ask(*self._states(to, "ready"), *(self._states(away, "drain") if away else ()))

    def busy(self, colour: str) -> int:
        """How many requests it is answering, without event streams."""
        rows = self._rows("web")
        return sum(int(row["scur"]) for row in rows if row["svname"].startswith(f"{colour}-"))

    def end_streams(self, colour: str) -> None:
        """Browsers and clients then open their streams anew, at the other colour."""
        self._ask(*(f"shutdown sessions server streams/{name}" for name in self._names(colour)))

    def _states(self, colour: str, state: str) -> list[str]:
        return [f"set server web/{name} state {state}" for name in self._names(colour)]

    def _names(self, colour: str) -> list[str]:
        return [f"{colour}-{n}" for n in range(1, len(ports(colour, 0)) + 1)]

    def _rows(self, backend: str) -> list[dict[str, str]]:
        said = self._ask(f"show stat {backend} 4 -1").removeprefix("# ")  # 4: servers alone
        return list(csv.DictReader(said.splitlines()))

    def _ask(self, *commands: str) -> str:
        """All commands in one go, so that a release that is cut off leaves no half of them."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(WAIT)
                line.connect(str(self.socket))
                line.sendall(f"{'; '.join(commands)}\n".encode())
                said = b"".join(iter(lambda: line.recv(65536), b"")).decode().strip()
        except OSError as error:
            raise Away(
                f"HAProxy does not answer at {self.socket} ({error.strerror or error}): start it first."
            ) from error
        if said and not commands[0].startswith("show "):
            raise Away(f"HAProxy refuses: {said.splitlines()[0]} Is its configuration that of this release?")
        return said


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m config.start.haproxy", description="Writes HAProxy's configuration."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--socket", type=Path, default=SOCKET)
    parser.add_argument("--own", action="store_true", help="HAProxy runs as whoever starts it")
    args = parser.parse_args(argv)
    args.file.parent.mkdir(parents=True, exist_ok=True)
    args.file.write_text(config(port=args.port, socket=args.socket, owner=not args.own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
