"""The command line with hosted bases: keys, agreement, a twin by fal's double."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.catalogue import BASES
from tests.ml.test_cli import files, refused
from tests.remote import FalDouble, TogetherDouble


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six photos of a drawn person."""
    out = tmp_path_factory.mktemp("people")
    assert main(["people", "--photos", "6", "--seed", "3", "--out", str(out)]) == 0
    return [str(path) for path in sorted(out.rglob("*.jpg"))]


@pytest.fixture
def keyed(fal: FalDouble, monkeypatch: pytest.MonkeyPatch) -> FalDouble:
    monkeypatch.setenv("FAL_KEYS", ",".join(fal.keys))
    monkeypatch.setenv("FAL_URL", fal.address)
    fal.pace(polls=0)
    return fal


def twin(folder: Path, *more: str) -> list[str]:
    where = ["--out", str(folder / "out"), "--keys", str(folder / "keys")]
    return ["twin", "photo.jpg", "--profile", "fal", "--prompt", "in a park", *where, *more]


def render(folder: Path, *more: str) -> list[str]:
    where = ["--out", str(folder / "out"), "--keys", str(folder / "keys")]
    return ["render", "--profile", "fal", "--prompt", "in a park", "--count", "1", *where, *more]


@pytest.mark.parametrize(
    "said",
    [{}, {"FAL_KEYS": "one\ntwo"}, {"FAL_KEYS": "one", "FAL_URL": "http://example.com"}, {"FAL_KEYS": " "}],
)
def test_without_a_good_key_and_address_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path, said: dict[str, str]
) -> None:
    for name in ("FAL_KEYS", "FAL_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert refused(capsys, *twin(tmp_path, "--agree")) == "engine_misconfigured"


def test_what_goes_where_is_said_and_must_be_agreed_to(keyed: FalDouble, capsys: Any, tmp_path: Path) -> None:
    assert main(twin(tmp_path)) == 2
    out = capsys.readouterr()
    assert "clean copies of at most 1 photos" in out.out
    assert "fal.ai (Features & Labels, Inc.), US" in out.out
    assert out.err.startswith("agreement_needed: Nothing was sent.")
    assert (keyed.requests, files(tmp_path)) == ([], [])


def test_a_base_that_trains_none_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOGETHER_KEYS", "key")
    argv = [word if word != "fal" else "together" for word in twin(tmp_path, "--agree")]
    assert refused(capsys, *argv) == "engine_trains_none"


@pytest.mark.thorough
@pytest.mark.train
def test_photos_in_a_hosted_twin_and_pictures_out(
    keyed: FalDouble, photos: list[str], capsys: Any, tmp_path: Path
) -> None:
    argv = [word for word in twin(tmp_path, "--agree", "--count", "1") if word != "photo.jpg"]
    assert main([argv[0], *photos, *argv[1:]]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["training"]["recognised"]
    assert report["training"]["likeness_base"] is None
    assert report["pictures"][0]["likeness"] > BASES["fal"].floor
    assert (keyed.breaches, len(keyed.submitted(keyed.TRAINER)), len(keyed.files("upload"))) == ([], 1, 3)
    capsys.readouterr()
    assert (
        main(["verify", str(tmp_path / "out" / "picture-0.png"), "--keys", str(tmp_path / "keys"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["engine"] == "fal"


@pytest.mark.train
def test_pictures_without_a_twin(keyed: FalDouble, capsys: Any, tmp_path: Path) -> None:
    assert main(render(tmp_path, "--agree")) == 0
    assert "picture-0.png" in files(tmp_path / "out")
    assert len(keyed.submitted()) == 1


@pytest.mark.train
def test_pictures_by_together(
    together: TogetherDouble, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOGETHER_KEYS", ",".join(together.keys))
    monkeypatch.setenv("TOGETHER_URL", together.address)
    argv = [word if word != "fal" else "together" for word in render(tmp_path, "--agree")]
    assert main(argv) == 0
    assert (len(together.generated()), together.breaches) == (1, [])


@pytest.mark.thorough
@pytest.mark.train
def test_ctrl_c_leaves_it_running_there_and_the_same_command_goes_on(
    keyed: FalDouble, photos: list[str], tmp_path: Path
) -> None:
    """Ctrl-C twice would cancel it there."""
    keyed.pace(keyed.TRAINER, hold=True)
    argv = [word for word in twin(tmp_path, "--agree", "--count", "1") if word != "photo.jpg"]
    command = [sys.executable, "-m", "ml", argv[0], *photos, *argv[1:]]
    assert interrupted(command, "waiting there", times=1) == 130
    assert not keyed.submitted()[0]["cancelled"]
    keyed.finish()
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert len(keyed.submitted(keyed.TRAINER)) == 1


@pytest.mark.thorough
@pytest.mark.train
def test_ctrl_c_twice_cancels_it_there(keyed: FalDouble, photos: list[str], tmp_path: Path) -> None:
    keyed.pace(keyed.TRAINER, hold=True)
    argv = [word for word in twin(tmp_path, "--agree") if word != "photo.jpg"]
    assert (
        interrupted([sys.executable, "-m", "ml", argv[0], *photos, *argv[1:]], "waiting there", times=2)
        == 130
    )
    assert keyed.submitted()[0]["cancelled"]


def interrupted(command: list[str], stage: str, *, times: int) -> int:
    """The exit status after Ctrl-C at this stage, and again when it asks."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, **pipes) as program:  # type: ignore[call-overload]
        assert program.stdout
        next(line for line in program.stdout if line.startswith(stage))
        program.send_signal(signal.SIGINT)
        if times == 2:
            next(line for line in program.stdout if "again now" in line)
            program.send_signal(signal.SIGINT)
        program.stdout.read()
    return program.returncode
