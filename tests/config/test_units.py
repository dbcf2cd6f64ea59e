"""The systemd units of deploy/systemd are those of the table of processes."""

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from celery.signals import worker_ready

from config.runs import heartbeat
from config.start import colours, processes, units

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"


def test_the_units_are_those_of_the_table(tmp_path: Path) -> None:
    assert units.main([str(tmp_path)]) == 0
    made, kept = ({f.name: f.read_text() for f in folder.iterdir()} for folder in (tmp_path, FOLDER))
    assert made == kept
    rows = processes.table(host="127.0.0.1", port=8000, var=tmp_path)
    named = {*(row.name for row in rows), *(f"{part}@" for part in colours.PARTS)}
    assert kept.keys() == {"photoflux.target", *(f"photoflux-{name}.service" for name in named)}


def test_each_unit_has_its_sections_and_starts_its_process() -> None:
    for file in FOLDER.glob("*.service"):
        unit = ConfigParser(strict=False, interpolation=None)
        unit.read(file)
        name = file.stem.removeprefix("photoflux-")
        part, of_colour, _ = name.partition("@")
        command = f"colours %i {part}" if of_colour else f"processes {name}"
        assert unit["Service"]["ExecStart"].endswith(f"-m config.start.{command}")
        assert unit["Install"]["WantedBy"] == "photoflux.target"
        migrated = name == "migrate" or of_colour
        assert unit["Unit"].get("Requires", "") == ("" if migrated else "photoflux-migrate.service")


def test_systemd_reads_them_where_it_is_there(tmp_path: Path) -> None:
    for file in FOLDER.iterdir():
        # The program of an installed PhotoFlux is not at its place here.
        text = file.read_text().replace("/opt/photoflux/.venv/bin/python", "/bin/true")
        text = text.replace("/opt/photoflux/%i/.venv/bin/python", "/bin/true")
        (tmp_path / file.name).write_text(text.replace("User=photoflux", "User=root"))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    if shutil.which(command[0]):
        said = subprocess.run(command, capture_output=True, text=True)
        assert not [line for line in said.stderr.splitlines() if str(tmp_path) in line], said.stderr


def test_every_worker_has_the_heartbeat(all_tasks: Any) -> None:
    assert all_tasks
    assert heartbeat.begin in [receiver[1]() for receiver in worker_ready.receivers]


def test_a_worker_touches_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTBEAT", raising=False)
    assert heartbeat.begin() is None
    monkeypatch.setenv("HEARTBEAT", str(tmp_path / "alive"))
    thread = heartbeat.begin()
    assert thread
    thread.join(0.5)
    assert (tmp_path / "alive").exists()
    assert thread.is_alive()
