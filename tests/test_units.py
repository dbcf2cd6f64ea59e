"""Units of systemd: made from the table of processes that `make run` uses too."""

from __future__ import annotations

import configparser
from pathlib import Path

from config.start import processes, units

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "systemd"


def parsed(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(text)
    return found


def test_the_units_in_the_folder_are_those_of_the_table() -> None:
    wanted = dict(units.files())
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == wanted
    assert set(wanted) == {"photoflux.target", *(f"photoflux-{name}.service" for name in processes.here())}


def test_each_becomes_its_process_after_the_tables_are_made() -> None:
    for name, process in processes.here().items():
        found = parsed(units.unit(process))
        assert found["Service"]["ExecStart"].endswith(f"python -m config.start.processes {name}")
        assert ("Restart" in found["Service"]) is not process.once
        assert ("Requires" in found["Unit"]) is not process.once
        assert float(found["Service"]["TimeoutStopSec"]) > 10
