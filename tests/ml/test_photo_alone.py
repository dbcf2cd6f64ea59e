"""Checking a photo loads neither the drawing program nor any training, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from ml import media
from ml.faces import Faces
from ml.safety import PictureVerdict

faces = Faces(screen=lambda picture: PictureVerdict(True, 0.0, "", "none"))
said = faces.inspect(open(sys.argv[1], "rb").read())
assert said.accepted, said.code
assert faces.describe(media.to_array(said.clean))
sys.exit(", ".join(m for m in sys.modules if m.startswith(("ml.drawn", "ml.nano"))) or 0)
"""


@pytest.mark.thorough  # by default tests/test_layers.py follows the imports
def test_checking_a_photo_loads_neither_drawings_nor_training(tmp_path: Path, few: list[bytes]) -> None:
    (tmp_path / "photo.jpg").write_bytes(few[0])
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "photo.jpg")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
