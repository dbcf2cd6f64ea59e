"""Writes units of systemd for the processes of the table: `python -m config.start.units FOLDER`.

They expect the checkout in /opt/photoflux with its .venv, the settings in /etc/photoflux/environment, files
in /var/lib/photoflux, and a user photoflux. docs/operations/one-machine.md says how.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from config.start import processes
from config.start.processes import Process

HOME, FILES = "/opt/photoflux", "/var/lib/photoflux"
TARGET = """[Unit]
Description=PhotoFlux
Wants={names}

[Install]
WantedBy=multi-user.target
"""
UNIT = """[Unit]
Description=PhotoFlux: {name}
After=network-online.target{after}
Wants=network-online.target
PartOf=photoflux.target{requires}

[Service]
{kind}
User=photoflux
WorkingDirectory={home}
Environment=VAR={files}
EnvironmentFile=/etc/photoflux/environment
ExecStart={home}/.venv/bin/python -m config.start.processes {name}
# A worker that is told to stop hands its run back within five seconds.
TimeoutStopSec=15
KillMode=mixed
LimitNOFILE=65536
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths={files}

[Install]
WantedBy=photoflux.target
"""
ONCE, ALWAYS = "Type=oneshot\nRemainAfterExit=yes", "Type=exec\nRestart=always\nRestartSec=2"


def unit(process: Process) -> str:
    first = "" if process.once else " photoflux-migrate.service"
    return UNIT.format(
        name=process.name,
        after=first,
        requires=f"\nRequires={first.strip()}" if first else "",
        kind=ONCE if process.once else ALWAYS,
        home=HOME,
        files=FILES,
    )


def files() -> Iterator[tuple[str, str]]:
    """Names and texts."""
    rows = processes.here().values()
    names = [f"photoflux-{process.name}.service" for process in rows]
    yield "photoflux.target", TARGET.format(names=" ".join(names))
    yield from ((name, unit(process)) for name, process in zip(names, rows, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m config.start.units", description="Writes units of systemd."
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
