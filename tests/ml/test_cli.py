"""The command line: its commands and its error messages."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ml.__main__ import main
from ml.catalogue import BASES
from ml.commands.output import Bar
from ml.commands.photos import inspect_all
from ml.judge import Judge
from ml.provenance import Signer
from tests.brief import brief


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn people, six photos each."""
    out = tmp_path_factory.mktemp("people")
    assert main(["people", "--count", "2", "--photos", "6", "--seed", "3", "--out", str(out)]) == 0
    return out


def refused(capsys: Any, *argv: str) -> str:
    """The code of an expected failure: exit status 2, one sentence, no traceback."""
    assert main(list(argv)) == 2
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert "Traceback" not in err
    code, _, sentence = err.partition(": ")
    assert sentence.strip().endswith((".", "!"))
    return code


def where(folder: Path) -> list[str]:
    return ["--prompt", "in a park", "--out", str(folder / "o"), "--keys", str(folder / "k")]


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def test_people_are_drawn_with_the_truth_beside_them(drawn: Path) -> None:
    assert files(drawn / "person-000") == [f"photo-0{i}.jpg" for i in range(6)] + ["truth.json"]
    truth = json.loads((drawn / "person-001" / "truth.json").read_text())
    assert len(truth["scenes"]) == 6
    assert truth["person"]["gender"] in ("woman", "man")


def test_photos_are_judged_one_line_each(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    some = sorted((drawn / "person-000").glob("*.jpg"))[:2]
    (tmp_path / "letter.jpg").write_bytes(b"%PDF-1.7 nothing to see")
    (tmp_path / "half.jpg").write_bytes(some[0].read_bytes()[:20000])
    (tmp_path / "empty.jpg").touch()
    bad = [tmp_path / n for n in ("letter.jpg", "half.jpg", "empty.jpg")]
    assert main(["inspect", *map(str, [*some, *bad]), "--json"]) == 0
    out = capsys.readouterr()
    rows = json.loads(out.out)
    assert [r["accepted"] for r in rows] == [True, True, False, False, False]
    assert [r["code"] for r in rows[2:]] == ["not_an_image", "unreadable", "not_an_image"]
    assert len(out.err.strip().splitlines()) == 5


@pytest.fixture(scope="module")
def made(drawn: Path, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a twin of four steps and its pictures, on the tiny base. Somebody presses Ctrl-C in the
    first step, and gives the same command again."""
    folder = tmp_path_factory.mktemp("made")
    photos = [str(p) for p in sorted((drawn / "person-000").glob("*.jpg"))[:4]]
    how = ["--style", "cinematic", "--count", "2", "--seed", "7", "--steps", "4", "--threads", "1", "--json"]
    where = ["--source", str(tiny_folder), "--out", str(folder / "out"), "--keys", str(folder / "keys")]
    argv = ["twin", *photos, "--prompt", "in a park, smiling", *how, *where]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BASES, "nano", brief(2, 1))
        with patch.context() as once:
            once.setattr(Bar, "__call__", pressing(Bar.__call__))
            assert main(argv) == 130
        assert files(folder / "out") == ["checkpoint.safetensors"]
        assert main(argv) == 0
    return folder


def pressing(tell: Any) -> Any:
    """A progress bar during whose first step of training somebody presses Ctrl-C."""

    def told(bar: Bar, stage: str, share: float) -> Any:
        if stage == "training" != bar.stage:
            signal.raise_signal(signal.SIGINT)
        return tell(bar, stage, share)

    return told


def keys(folder: Path) -> list[str]:
    return ["--keys", str(folder / "keys")]


@pytest.mark.train
def test_after_ctrl_c_the_same_command_makes_a_twin_and_pictures(made: Path) -> None:
    samples = ["0.png", "1.png"]
    pictures = ["picture-7.png", "picture-8.png"]
    assert files(made / "out") == [*samples, "lora.safetensors", *pictures, "report.json", "sheet.png"]


@pytest.mark.train
def test_the_report_tells_of_photos_training_and_pictures(made: Path) -> None:
    report = json.loads((made / "out" / "report.json").read_text())
    assert [p["seed"] for p in report["pictures"]] == [7, 8]
    assert report["training"]["steps"] == 4
    losses = {"steps", "seconds", "seconds_per_step", "loss_first", "loss_last"}
    assert losses | {"checkpoint", "likeness", "likeness_base"} <= report["training"].keys()
    assert {"path", "accepted", "code", "detail", "box"} <= report["photos"][0].keys()


@pytest.mark.train
def test_its_pictures_are_verified_as_ours(made: Path, capsys: Any) -> None:
    report = json.loads((made / "out" / "report.json").read_text())
    assert main(["verify", str(made / "out" / "picture-7.png"), *keys(made), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ours"]
    assert found["ident"] == report["pictures"][0]["mark"]


@pytest.mark.train
def test_more_pictures_of_a_trained_twin(made: Path, tiny_folder: Path, tmp_path: Path) -> None:
    twin = ["--twin", str(made / "out" / "twin" / "lora.safetensors"), "--source", str(tiny_folder)]
    how = ["--prompt", "on a beach", "--count", "1", "--aspect", "4:5", "--out", str(tmp_path)]
    assert main(["render", *twin, *how, *keys(made)]) == 0
    assert files(tmp_path) == ["picture-0.png"]


def test_no_photos(capsys: Any, tmp_path: Path) -> None:
    assert refused(capsys, "twin", *where(tmp_path)) == "no_photos"


def test_a_photo_that_is_not_there(capsys: Any, tmp_path: Path) -> None:
    assert refused(capsys, "twin", "nowhere.jpg", *where(tmp_path)) == "no_such_file"


def test_all_photos_refused(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert refused(capsys, "twin", str(tmp_path / "empty.jpg"), *where(tmp_path)) == "not_enough_photos"
    assert files(tmp_path / "o") == []


@pytest.mark.thorough
def test_two_people_mixed_half_and_half(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    one, two = (sorted((drawn / f"person-00{n}").glob("*.jpg")) for n in (0, 1))
    mixed = [str(p) for pair in zip(one, two) for p in pair]
    assert refused(capsys, "twin", *mixed, *where(tmp_path)) == "other_person"
    assert files(tmp_path / "o") == []


@pytest.mark.thorough
def test_strangers_at_the_start_do_not_decide_who_is_meant(drawn: Path) -> None:
    """Three photos of one person before six of another: the twin is the person of the six."""
    paths = sorted((drawn / "person-001").glob("*.jpg"))[:3] + sorted((drawn / "person-000").glob("*.jpg"))
    rows, accepted = inspect_all(Judge(), paths, print)
    assert [r["code"] for r in rows[:3]] == ["other_person"] * 3
    assert len(accepted) == 6


def test_a_refused_prompt_is_told_before_any_work(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    photo = str(drawn / "person-000" / "photo-00.jpg")
    assert (
        refused(capsys, "twin", photo, "--prompt", "nude", "--out", str(tmp_path / "o")) == "prompt_refused"
    )
    assert files(tmp_path / "o") == []


def stranger_lora(tiny_folder: Path, change: str) -> bytes:
    from ml.catalogue import base_of
    from ml.local import lora
    from ml.local.loading import load_pipeline
    from ml.local.weights import dump

    shapes = lora.expected_shapes(load_pipeline(base_of("nano"), "cpu").transformer, base_of("nano"))
    tensors = {k: torch.zeros(s, dtype=torch.float16) for k, s in shapes.items()}
    if change == "targets":
        tensors = {k: v for k, v in tensors.items() if ".ff" not in k}
    return dump(tensors, {"base": "flux-schnell" if change == "base" else "nano"})


@pytest.mark.parametrize(
    "change, code",
    [
        ("base", "lora_other_base"),
        ("targets", "lora_other_base"),
        ("truncated", "lora_broken"),
        ("pickle", "lora_broken"),
        ("missing", "lora_missing"),
    ],
)
def test_a_lora_that_is_none_of_ours(
    tiny_folder: Path, capsys: Any, tmp_path: Path, change: str, code: str
) -> None:
    file = tmp_path / "x.safetensors"
    if change == "pickle":
        file.write_bytes(b"\x80\x04K\x01.")
    elif change != "missing":
        data = stranger_lora(tiny_folder, change)
        file.write_bytes(data[:-100] if change == "truncated" else data)
    assert refused(capsys, "render", "--twin", str(file), *where(tmp_path)) == code
    assert files(tmp_path / "o") == []


def test_a_disk_that_is_full_is_told_before_the_work(tmp_path: Path, capsys: Any) -> None:
    """While this process cannot write any file, as on a full disk."""
    Signer.open(tmp_path / "k")
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        code = refused(capsys, "twin", "x.jpg", *where(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert code == "storage_full"
    assert files(tmp_path / "o") == []


def program(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


def four(drawn: Path, folder: Path, steps: int) -> list[str]:
    """A short training of four photos."""
    some = [str(p) for p in sorted((drawn / "person-000").glob("*.jpg"))[:4]]
    return ["twin", *some, *where(folder), "--count", "1", "--threads", "1", "--steps", str(steps)]


@pytest.mark.thorough
@pytest.mark.train
def test_ctrl_c_from_outside_ends_the_command_too(drawn: Path, tmp_path: Path) -> None:
    argv = four(drawn, tmp_path, steps=40)
    command = program(
        "import sys",
        "from ml.__main__ import main",
        "from tests.brief import use_brief",
        "use_brief(1, 1)",
        f"sys.exit(main({argv!r}))",
    )
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stderr
    for line in running.stderr:
        if line.startswith("training"):
            running.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert files(tmp_path / "o") == ["checkpoint.safetensors"]


@pytest.mark.workers
@pytest.mark.thorough
def test_out_of_memory_is_a_sentence(tmp_path: Path) -> None:
    """The process is limited to the memory that it has after the first picture. tqdm's thread never wakes up
    in it: the C library would abort, because it finds no room for the thread's data."""
    done = subprocess.run(
        program(
            "import resource, sys, tqdm",
            "from ml import __main__ as cli",
            "from ml.commands import render",
            "tqdm.tqdm.monitor_interval = 0",
            "from ml.local.engine import LocalEngine",
            f"engine = LocalEngine('nano', keys={str(tmp_path / 'k')!r}, threads=1)",
            "engine.models()[1].sample('smiling', size=(128, 128), steps=1, seed=0)",
            "pages = int(open('/proc/self/statm').read().split()[0])",
            "limit = pages * resource.getpagesize() + (1 << 20)",
            "most = resource.getrlimit(resource.RLIMIT_AS)[1]",
            "cap = lambda soft: resource.setrlimit(resource.RLIMIT_AS, (soft, most))",
            "render.open_engine = lambda args: (cap(limit), engine)[1]",
            f"code = cli.main(['render', *{where(tmp_path)!r}, '--threads', '1'])",
            "cap(most)",  # libraries may start threads when they are unloaded
            "sys.exit(code)",
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("out_of_memory: ")
    assert "Traceback" not in done.stderr
    assert files(tmp_path / "o") == []


def test_a_hub_id_is_looked_up_with_its_revision_and_never_fetched(tmp_path: Path) -> None:
    """The layout of huggingface_hub's cache, with two revisions of one repository."""
    for revision in ("1" * 40, "2" * 40):
        (tmp_path / "models--org--base" / "snapshots" / revision).mkdir(parents=True)
        (tmp_path / "models--org--base" / "snapshots" / revision / "model_index.json").write_text("{}")
    done = subprocess.run(
        program(
            "from dataclasses import replace",
            "from ml.errors import MLError",
            "from ml.catalogue import base_of",
            "from ml.local.files import find",
            "base = base_of('flux-schnell', 'org/base')",
            "print(find(replace(base, revision='2' * 40)).name)",
            "try: find(replace(base, revision='3' * 40))",
            "except MLError as e: print(e.code)",
        ),
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path)},
    )
    assert done.stdout.split() == ["2" * 40, "base_missing"], done.stderr


@pytest.mark.parametrize("source", ["nothing/", "./nothing", "a//b"])
def test_a_source_that_is_no_directory(capsys: Any, tmp_path: Path, source: str) -> None:
    assert refused(capsys, "render", "--source", source, *where(tmp_path)) == "base_missing"


def test_a_negative_prompt_is_screened_too(capsys: Any, tmp_path: Path) -> None:
    assert refused(capsys, "render", "--negative", "clothes", *where(tmp_path)) == "prompt_refused"


def test_numbers_out_of_range_are_usage_errors(capsys: Any, tmp_path: Path) -> None:
    for wrong in (["--seed", "-1"], ["--threads", "0"], ["--count", "9"]):
        with pytest.raises(SystemExit) as e:
            main(["render", *where(tmp_path), *wrong])
        assert e.value.code == 2


def test_a_missing_base(capsys: Any, tmp_path: Path) -> None:
    argv = [
        "render",
        "--source",
        str(tmp_path / "nothing"),
        "--prompt",
        "in a park",
        "--out",
        str(tmp_path / "o"),
    ]
    assert refused(capsys, *argv) == "base_missing"


def test_an_error_is_json_too(capsys: Any) -> None:
    assert main(["twin", "--prompt", "in a park", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_photos"


def test_the_bases_say_what_fits(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["bases", "--fits"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"serving fits: 0\.\d of [\d.]+ GB at 128 px", out)
    assert re.search(r"training fits: under 0\.\d of [\d.]+ GB at 128 px, no checkpointing", out)
    monkeypatch.setattr("ml.local.fitting.free_bytes", lambda device: 10**6)
    assert main(["bases", "--fits", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert "0.0 GB are free" in row["serving"]
    assert "0.0 GB are free" in row["training"]


def test_the_bases_say_their_licences(capsys: Any) -> None:
    assert main(["bases", "--json"]) == 0
    rows = {r["name"]: r for r in json.loads(capsys.readouterr().out)}
    assert rows["nano"]["present"]
    assert rows["flux-schnell"]["licence"] == "Apache-2.0"


def test_hosted_bases_say_where_photos_go(capsys: Any) -> None:
    assert main(["bases"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "photos, twins and prompts are sent to fal.ai (Features & Labels, Inc.), US" in said
    assert "prompts are sent to Together AI (Together Computer, Inc.), US; it trains no twins" in said


def test_a_hosted_base_is_not_fetched(capsys: Any) -> None:
    assert refused(capsys, "fetch", "fal") == "base_hosted"


def test_a_file_from_elsewhere_is_not_ours(drawn: Path, capsys: Any) -> None:
    assert main(["verify", str(drawn / "person-000" / "photo-00.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["signed"] is False
