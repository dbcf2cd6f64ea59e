"""`python -m ml animate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import media
from ml.__main__ import main
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from tests.ml.test_cli import files, refused


@pytest.mark.thorough  # by default tests/ml/test_animating.py makes a clip
def test_a_picture_is_animated(capsys: Any, tmp_path: Path) -> None:
    photo, out = tmp_path / "me.jpg", tmp_path / "o"
    photo.write_bytes(media.encode_jpeg(draw(random_person(np.random.default_rng(3)), Scene(), 320, 320)))
    how = ["--action", "she nods", "--seed", "5", "--out", str(out), "--json"]
    assert main(["animate", str(photo), *how]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["path"], said["seconds"], said["frames"]) == (str(out / "clip-5.mp4"), 3.0, 72)
    assert said["engine"] == "nano"
    assert said["holds"] > 0.95
    assert files(out) == ["clip-5.jpg", "clip-5.mp4"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["nowhere.jpg"], "no_such_file"),
        (["README.md"], "not_an_image"),
        ([], "prompt_refused"),  # neither a picture nor words
        (["--prompt", "in a park", "--twin", "nowhere.safetensors"], "lora_missing"),
    ],
)
def test_what_cannot_be_animated(capsys: Any, tmp_path: Path, argv: list[str], code: str) -> None:
    assert refused(capsys, "animate", *argv, "--out", str(tmp_path / "o")) == code
    assert files(tmp_path / "o") == []
