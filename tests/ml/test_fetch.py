"""Fetching a base from a hub on loopback: broken connections, licences, and the files on disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml import fetch as fetching
from ml.catalogue import BASES, base_of
from ml.errors import MLError
from ml.fetch import fetch
from ml.local.files import find, find_adapter, find_undistilled, present
from ml.local.whole import complete
from tests.ml.flux_hub import BASE, FIRST, INDEX, SECOND, get, layout, put, refused, tensors, wanted
from tests.ml.hub import HubDouble, StoredRepository


def test_a_base_is_fetched_and_found_and_the_second_time_no_byte_is_asked_for(
    hub: HubDouble, tmp_path: Path
) -> None:
    assert not present(BASE)
    done = get()
    assert present(BASE)
    assert (done.folder, hub.bytes_sent) == (str(find(BASE)), wanted(hub))
    assert (find(BASE) / FIRST).read_bytes() == hub.repositories[BASE.source].files[FIRST]
    assert find_adapter(BASE).name == "lora.safetensors"
    assert not (find(BASE) / "README.md").exists()
    before = list(hub.ranges)
    assert get().sources[0]["files_missing"] == 0
    assert hub.ranges == before


def test_the_cache_is_as_the_hubs_own_downloader_leaves_it(hub: HubDouble, tmp_path: Path) -> None:
    get()
    program = (
        "from huggingface_hub import hf_hub_download as get; import sys;"
        " [get(*a.split(':')) for a in sys.argv[1:]]"
    )
    files = [f"{BASE.source}:{p}" for p in (FIRST, "vae/config.json", "model_index.json")]
    env = {
        **os.environ,
        "HF_HUB_CACHE": str(tmp_path / "theirs"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    subprocess.run(
        [sys.executable, "-c", program, *files, f"{BASE.adapter}:lora.safetensors"], env=env, check=True
    )
    theirs, ours = tmp_path / "theirs", tmp_path / "cache"
    same = [
        p.relative_to(theirs)
        for p in theirs.rglob("*")
        if not p.is_dir() and "models--" in p.parts[-2] + str(p.parent)
    ]
    same = [
        p
        for p in same
        if p.parts[0].startswith("models--") and (p.parts[1] != "refs" or "schnell-" in p.parts[0])
    ]
    assert len(same) == 9
    for path in same:
        assert (ours / path).read_bytes() == (theirs / path).read_bytes()
        assert (ours / path).is_symlink() == (theirs / path).is_symlink()
        if (ours / path).is_symlink():
            assert (ours / path).readlink() == (theirs / path).readlink()


def test_a_plain_directory_serves_as_a_source(hub: HubDouble, tmp_path: Path) -> None:
    folder = tmp_path / "flux"
    assert get(into=folder).folder == str(folder)
    here = base_of(BASE.name, folder)
    assert (find(here), find_adapter(here)) == (folder, folder / "training_adapter.safetensors")
    assert not present(BASE)
    before = list(hub.ranges)
    get(into=folder)
    assert hub.ranges == before


KLEIN = BASES["flux2-klein"]


@pytest.mark.parametrize("into", [None, "klein"])
def test_klein_comes_with_the_transformer_that_is_trained(
    hub: HubDouble, tmp_path: Path, into: str | None
) -> None:
    assert KLEIN.undistilled is not None
    files = {p: d for p, d in layout().items() if not p.startswith(("text_encoder_2", "tokenizer_2"))}
    index = {"_class_name": "Flux2KleinPipeline"} | {
        k: ["x", "y"] for k in ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
    }
    hub.repositories[KLEIN.source] = StoredRepository(
        "3" * 40, files | {"model_index.json": json.dumps(index).encode()}
    )
    hub.repositories[KLEIN.undistilled] = StoredRepository(
        "4" * 40, files | {FIRST: tensors(7), SECOND: tensors(8)}
    )
    folder = tmp_path / into if into else None
    done = fetch(KLEIN.name, into=folder, accept=lambda question: True)
    base = base_of(KLEIN.name, folder)
    trained = find_undistilled(base)
    assert trained is not None
    assert (trained / Path(FIRST).name).read_bytes() == tensors(7)
    assert (find(base) / FIRST).read_bytes() == tensors(3)
    assert [row["repository"] for row in done.sources] == [KLEIN.source, KLEIN.undistilled]
    assert {p for p, _ in hub.ranges if "README" in p or "schnell" in p} == set()
    (trained / Path(FIRST).name).unlink()
    with pytest.raises(MLError, match="is missing") as e:
        find_undistilled(base)
    assert e.value.code == "base_broken"


def test_files_that_somebody_put_there_are_taken_if_they_are_the_very_ones(
    hub: HubDouble, tmp_path: Path
) -> None:
    put(hub, tmp_path)
    other = bytearray(hub.repositories[BASE.source].files[SECOND])
    other[-1] ^= 1
    (tmp_path / SECOND).write_bytes(other)
    get(into=tmp_path)
    assert sorted(path for path, _ in hub.ranges) == ["lora.safetensors", SECOND]


def test_without_the_licence_nothing_is_fetched(hub: HubDouble, tmp_path: Path) -> None:
    with pytest.raises(MLError, match="Apache-2.0") as e:
        fetch(BASE.name)
    assert e.value.code == "licence_not_accepted"
    assert hub.ranges == []


def test_a_licence_is_asked_for_once(hub: HubDouble, tmp_path: Path) -> None:
    asked: list[str] = []
    hub.lost = {FIRST}
    for _ in range(2):
        with pytest.raises(MLError):
            fetch(BASE.name, accept=lambda question: not asked.append(question))
    assert [q.split()[-1] for q in asked] == [f"{BASE.source}?", f"{BASE.adapter}?"]
    kept = json.loads((tmp_path / "cache" / "photoflux.json").read_text())["licences"][0]
    assert (kept["licence"], kept["revision"]) == ("Apache-2.0", BASE.revision)
    assert kept["accepted"].startswith("20")
    hub.repositories[BASE.source].licence = "non-commercial"
    with pytest.raises(MLError, match="non-commercial"):
        fetch(BASE.name)


def test_a_dry_run_says_what_is_needed_and_does_nothing(hub: HubDouble, tmp_path: Path) -> None:
    told: list[str] = []
    row = get(dry_run=True, tell=told.append).sources[0]
    assert (row["files"], row["bytes"]) == (14, row["bytes_missing"])
    assert "licence Apache-2.0 (https://" in told[0]
    assert hub.ranges == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("into", [None, "flux"])
def test_a_fetch_that_was_cut_goes_on_where_it_was(hub: HubDouble, tmp_path: Path, into: str | None) -> None:
    where = {"into": tmp_path / into} if into else {}
    hub.cuts[FIRST] = [70_001]
    assert "goes on from there" in refused("download_cut", **where)
    assert not present(base_of(BASE.name, where.get("into")))
    get(**where)
    assert [start for path, start in hub.ranges if path == FIRST] == [0, 70_001]
    assert hub.bytes_sent == wanted(hub)  # no byte was sent twice
    assert present(base_of(BASE.name, where.get("into")))


def test_cuts_are_mended_in_the_same_run_as_long_as_bytes_come(
    hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "WAITS", (0.0, 0.0))
    hub.cuts[FIRST] = [50_000, 50_000, 0, 1]
    hub.busy = 1
    get()
    assert [s for path, s in hub.ranges if path == FIRST] == [0, 50_000, 100_000, 100_000, 100_001]
    assert hub.bytes_sent == wanted(hub)


def test_a_server_without_ranges_sends_it_all_again(hub: HubDouble) -> None:
    hub.cuts[FIRST] = [70_001]
    hub.whole = True
    refused("download_cut")
    get()
    assert hub.bytes_sent == wanted(hub) + 70_001


def cut(path: Path, size: int) -> None:
    data = path.read_bytes()[:size]
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda f: (f / SECOND).unlink(), f"{SECOND} is missing"),
        (lambda f: cut(f / FIRST, 0), f"{FIRST} is cut short"),
        (lambda f: cut(f / FIRST, 30), f"{FIRST} is cut short"),
        (lambda f: cut(f / FIRST, 199_000), f"{FIRST} has 199000 bytes"),
        (lambda f: (f / FIRST).write_bytes(b"<!DOCTYPE html>" * 99), f"{FIRST} is cut short"),
        (lambda f: (f / INDEX).write_text("{}"), f"{INDEX} cannot be read"),
        (lambda f: (f / "vae/model.safetensors").unlink(), "vae/ holds no weights"),
        (lambda f: (f / "vae/config.json").unlink(), "vae/config.json is missing"),
        (lambda f: (f / "vae/config.json").write_text("{"), "vae/config.json cannot be read"),
        (lambda f: shutil.rmtree(f / "tokenizer"), "tokenizer/ is missing"),
        (lambda f: (f / "model_index.json").write_text("["), "model_index.json cannot be read"),
    ],
)
def test_a_broken_base_is_told_by_its_file_and_mended_by_fetching_again(
    hub: HubDouble, tmp_path: Path, change: Any, said: str
) -> None:
    put(hub, tmp_path)
    assert complete(tmp_path) == []
    change(tmp_path)
    assert any(fault.startswith(said) for fault in complete(tmp_path))
    with pytest.raises(MLError, match="base_broken|is not whole") as e:
        find(base_of(BASE.name, tmp_path))
    assert e.value.code == "base_broken"
    get(into=tmp_path)
    assert complete(tmp_path) == []


def test_a_training_adapter_that_was_cut_is_broken(hub: HubDouble, tmp_path: Path) -> None:
    get(into=tmp_path)
    cut(tmp_path / "training_adapter.safetensors", 99)
    with pytest.raises(MLError, match="adapter") as e:
        find_adapter(base_of(BASE.name, tmp_path))
    assert e.value.code == "base_broken"
