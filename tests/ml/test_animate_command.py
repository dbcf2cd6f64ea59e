"""`python -m ml animate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from tests.conftest import jpeg
from tests.ml.test_cli import files, refused
from tests.studio import EngineDouble


def test_a_picture_is_animated(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Engine(EngineDouble):
        def animate(self, spec: Any, **more: Any) -> Any:
            asked.append((spec, more["store"].read(spec.first.reference)[:2]))
            return super().animate(spec, **more)

    monkeypatch.setattr("ml.commands.animate.open_engine", lambda args: Engine())
    photo, out = tmp_path / "me.jpg", tmp_path / "o"
    photo.write_bytes(jpeg(3, (320, 256)))
    how = ["--action", "she nods", "--seconds", "4", "--seed", "5", "--out", str(out), "--json"]
    assert main(["animate", str(photo), *how]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["path"], said["seconds"]) == (str(out / "clip-5.mp4"), 4.0)
    assert files(out) == ["clip-5.jpg", "clip-5.mp4"]
    ((spec, begins),) = asked
    assert (spec.motion, spec.action, begins) == ("", "she nods", b"\xff\xd8")  # a clean copy, a JPEG


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
