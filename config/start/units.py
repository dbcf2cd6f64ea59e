"""Writes systemd units for the processes of processes.py: `python -m config.start.units deploy/systemd`.

The code is expected in /opt/photoflux with its environment in .venv, the settings in
/etc/photoflux/environment, the keys in /etc/photoflux/keys (python -m config.start.keys), and the files in
/var/lib/photoflux. The units with an @ are the parts of a colour (colours.py), whose code is expected in
/opt/photoflux/blue and /opt/photoflux/green.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from config.start import colours, processes

UNIT = """\
# Written by python -m config.start.units
[Unit]
Description=PhotoFlux: {name}
After=network-online.target postgresql.service redis-server.service{after}
Wants=network-online.target
{requires}PartOf=photoflux.target

[Service]
Type={type}
User=photoflux
WorkingDirectory={tree}
EnvironmentFile=/etc/photoflux/environment
Environment=VAR=/var/lib/photoflux PYTHONUNBUFFERED=1
ExecStart={tree}/.venv/bin/python -m config.start.{command}
{ends}
StateDirectory=photoflux
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-/var/backups/photoflux
ProtectHome=yes
PrivateTmp=yes
PrivateDevices={no_devices}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=

[Install]
WantedBy=photoflux.target
"""
# A worker hands its run back at SIGTERM, which takes some seconds; its main process tells its children.
LASTS = """\
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=30"""
ONCE = "RemainAfterExit=yes"
TARGET = """\
# Written by python -m config.start.units
[Unit]
Description=PhotoFlux

[Install]
WantedBy=multi-user.target
"""
ON_ACCELERATOR = ("train", "render")


def unit(process: processes.Process) -> str:
    first = "" if process.once else " photoflux-migrate.service"
    return UNIT.format(
        name=process.name,
        tree="/opt/photoflux",
        command=f"processes {process.name}",
        after=first,
        requires="" if process.once else "Requires=photoflux-migrate.service\n",
        type="oneshot" if process.once else "exec",
        ends=ONCE if process.once else LASTS,
        no_devices="no" if process.name in ON_ACCELERATOR else "yes",
    )


def colour_unit(part: str) -> str:
    """A release has migrated the database before it is started."""
    return UNIT.format(
        name=f"{part} of the colour %i",
        tree="/opt/photoflux/%i",
        command=f"colours %i {part}",
        after="",
        requires="",
        type="exec",
        ends=LASTS,
        no_devices="no" if part == "work" else "yes",
    )


def units() -> dict[str, str]:
    """The files by name."""
    rows = processes.table(host="127.0.0.1", port=8000, var=Path("/var/lib/photoflux"))
    parts = {f"photoflux-{part}@.service": colour_unit(part) for part in colours.PARTS}
    return {"photoflux.target": TARGET} | {f"photoflux-{row.name}.service": unit(row) for row in rows} | parts


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.start.units", description="Writes systemd units.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in units().items():
        (folder / name).write_text(text)
        print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
