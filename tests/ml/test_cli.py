"""The command line: what a stranger types, and what they are told when it cannot be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main


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


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def test_people_are_drawn_with_the_truth_beside_them(drawn: Path) -> None:
    assert files(drawn / "person-000") == [f"photo-0{i}.jpg" for i in range(6)] + ["truth.json"]
    truth = json.loads((drawn / "person-001" / "truth.json").read_text())
    assert len(truth["scenes"]) == 6
    assert truth["person"]["gender"] in ("woman", "man")


def test_photos_are_judged_one_line_each(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_bytes(b"%PDF-1.7 nothing to see")
    some = [str(p) for p in sorted((drawn / "person-000").glob("*.jpg"))[:2]]
    assert main(["inspect", *some, str(tmp_path / "letter.jpg"), "--json"]) == 0
    out = capsys.readouterr()
    rows = json.loads(out.out)
    assert [r["accepted"] for r in rows] == [True, True, False]
    assert rows[2]["code"] == "not_an_image"
    assert len(out.err.strip().splitlines()) == 3


@pytest.mark.train
def test_photos_in_a_twin_and_pictures_out(drawn: Path, tmp_path: Path, capsys: Any) -> None:
    some = [str(p) for p in sorted((drawn / "person-000").glob("*.jpg"))]
    out = tmp_path / "out"
    argv = [
        "twin",
        *some,
        "--prompt",
        "in a park, smiling",
        "--style",
        "cinematic",
        "--count",
        "2",
        "--seed",
        "7",
        "--out",
        str(out),
    ]
    assert main([*argv, "--keys", str(tmp_path / "keys"), "--steps", "12", "--threads", "2", "--json"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report == json.loads(capsys.readouterr().out)
    assert [p["seed"] for p in report["pictures"]] == [7, 8]
    assert {
        "steps",
        "seconds",
        "loss_first",
        "loss_last",
        "checkpoint",
        "likeness",
        "likeness_base",
        "seconds_per_step",
    } <= report["training"].keys()
    assert {"path", "accepted", "code", "detail", "box"} <= report["photos"][0].keys()
    assert files(out) == ["lora.safetensors", "picture-7.png", "picture-8.png", "report.json", "sheet.png"]
    assert main(["verify", str(out / "picture-7.png")]) == 0
    assert "PhotoFlux" in capsys.readouterr().out
    lora = str(out / "twin" / "lora.safetensors")
    assert (
        main(
            [
                "render",
                "--twin",
                lora,
                "--prompt",
                "on a beach",
                "--count",
                "1",
                "--aspect",
                "4:5",
                "--out",
                str(tmp_path / "more"),
                "--keys",
                str(tmp_path / "keys"),
            ]
        )
        == 0
    )
    assert files(tmp_path / "more") == ["picture-0.png"]


def test_no_photos(capsys: Any, tmp_path: Path) -> None:
    assert refused(capsys, "twin", "--prompt", "in a park", "--out", str(tmp_path / "o")) == "no_photos"


def test_a_photo_that_is_not_there(capsys: Any, tmp_path: Path) -> None:
    assert (
        refused(capsys, "twin", "nowhere.jpg", "--prompt", "in a park", "--out", str(tmp_path / "o")) == "no_such_file"
    )


def test_all_photos_refused(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert (
        refused(capsys, "twin", str(tmp_path / "empty.jpg"), "--prompt", "in a park", "--out", str(tmp_path / "o"))
        == "not_enough_photos"
    )
    assert files(tmp_path / "o") == []


def test_two_people_mixed_half_and_half(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    one, two = (sorted((drawn / f"person-00{n}").glob("*.jpg")) for n in (0, 1))
    mixed = [str(p) for pair in zip(one, two) for p in pair]
    assert refused(capsys, "twin", *mixed, "--prompt", "in a park", "--out", str(tmp_path / "o")) == "other_person"
    assert files(tmp_path / "o") == []


def test_a_refused_prompt_is_told_before_any_work(drawn: Path, capsys: Any, tmp_path: Path) -> None:
    photo = str(drawn / "person-000" / "photo-00.jpg")
    assert refused(capsys, "twin", photo, "--prompt", "nude", "--out", str(tmp_path / "o")) == "prompt_refused"
    assert files(tmp_path / "o") == []


def test_a_lora_that_is_none(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\x80\x04K\x01.")
    argv = [
        "render",
        "--twin",
        str(tmp_path / "x.safetensors"),
        "--prompt",
        "in a park",
        "--out",
        str(tmp_path / "o"),
        "--keys",
        str(tmp_path / "k"),
    ]
    assert refused(capsys, *argv) == "lora_broken"
    assert refused(capsys, "render", "--twin", str(tmp_path / "y"), *argv[3:]) == "lora_missing"
    assert files(tmp_path / "o") == []


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


def test_the_bases_say_their_licences(capsys: Any) -> None:
    assert main(["bases", "--json"]) == 0
    rows = {r["name"]: r for r in json.loads(capsys.readouterr().out)}
    assert rows["nano"]["present"]
    assert rows["flux-schnell"]["licence"] == "Apache-2.0"


def test_a_file_from_elsewhere_is_not_ours(drawn: Path, capsys: Any) -> None:
    assert main(["verify", str(drawn / "person-000" / "photo-00.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["signed"] is False
