"""Fetching a base from a hub on loopback: cuts, wrong bytes, refusals, full disks, and what is found afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from safetensors.numpy import save

from ml import fetch as fetching
from ml.__main__ import main
from ml.catalogue import BASES, base_of
from ml.errors import MLError
from ml.fetch import fetch
from ml.local.files import find, find_adapter, find_undistilled, present
from ml.local.whole import complete
from tests.ml.hub import HubDouble, UserStorage

BASE = BASES["flux-schnell"]
FIRST, SECOND = (f"transformer/diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2))
INDEX = "transformer/diffusion_pytorch_model.safetensors.index.json"


def tensors(seed: int, size: int = 50_000) -> bytes:
    return save({f"t{seed}": np.random.default_rng(seed).standard_normal(size, np.float32)})


def layout() -> dict[str, bytes]:
    """FLUX.1 schnell's, in small: two shards of 200 KB and what belongs to them, and what is not wanted."""
    parts = {
        "scheduler": "FlowMatchEulerDiscreteScheduler",
        "text_encoder": "CLIPTextModel",
        "text_encoder_2": "T5EncoderModel",
        "tokenizer": "CLIPTokenizer",
        "tokenizer_2": "T5TokenizerFast",
        "transformer": "FluxTransformer2DModel",
        "vae": "AutoencoderKL",
    }
    index = {"_class_name": "FluxPipeline", "feature_extractor": [None, None]} | {
        k: ["x", v] for k, v in parts.items()
    }
    files = {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"-",
        "flux1-schnell.safetensors": tensors(9),
    }
    for n, part in enumerate(("text_encoder", "text_encoder_2", "vae")):
        files |= {f"{part}/config.json": b'{"c": %d}' % n, f"{part}/model.safetensors": tensors(n, 100)}
    for part in ("tokenizer", "tokenizer_2"):
        files[f"{part}/tokenizer_config.json"] = json.dumps({"of": part}).encode()
    shards = {"t3": Path(FIRST).name, "t4": Path(SECOND).name}
    return files | {
        "scheduler/scheduler_config.json": b'{"shift": 1.0}',
        "transformer/config.json": b'{"b": 2}',
        INDEX: json.dumps({"weight_map": shards}).encode(),
        FIRST: tensors(3),
        SECOND: tensors(4),
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubDouble]:
    for name in ("HF_TOKEN", "HF_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(fetching, "WAITS", ())
    assert BASE.revision is not None
    assert BASE.adapter is not None
    with HubDouble() as double:
        double.shelves[BASE.source] = UserStorage(BASE.revision, layout())
        double.shelves[BASE.adapter] = UserStorage(
            "2" * 40, {"lora.safetensors": tensors(5, 100), "README.md": b"-"}
        )
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double


def get(**options: Any) -> fetching.Fetched:
    return fetch(BASE.name, accept=lambda question: True, **options)


def refused(code: str, **options: Any) -> str:
    with pytest.raises(MLError) as e:
        get(**options)
    assert e.value.code == code, e.value
    assert e.value.message.endswith(".")
    return e.value.message


def put(hub: HubDouble, folder: Path) -> None:
    """As somebody would who copies the files by hand."""
    for path, data in hub.shelves[BASE.source].files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)


def wanted(hub: HubDouble) -> int:
    """Bytes of all that is needed."""
    unwanted = ("README.md", "flux1-schnell.safetensors")
    return sum(
        len(data) for s in hub.shelves.values() for path, data in s.files.items() if path not in unwanted
    )


def test_a_base_is_fetched_and_found_and_the_second_time_no_byte_is_asked_for(
    hub: HubDouble, tmp_path: Path
) -> None:
    assert not present(BASE)
    done = get()
    assert present(BASE)
    assert (done.folder, hub.bytes_sent) == (str(find(BASE)), wanted(hub))
    assert (find(BASE) / FIRST).read_bytes() == hub.shelves[BASE.source].files[FIRST]
    assert find_adapter(BASE).name == "lora.safetensors"
    assert not (find(BASE) / "README.md").exists()
    before = list(hub.ranges)
    assert get().sources[0]["files_missing"] == 0
    assert hub.ranges == before


def test_the_cache_is_as_the_hubs_own_downloader_leaves_it(hub: HubDouble, tmp_path: Path) -> None:
    get()
    program = "from huggingface_hub import hf_hub_download; import sys; [hf_hub_download(*a.split(':')) for a in sys.argv[1:]]"
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
    hub.shelves[KLEIN.source] = UserStorage(
        "3" * 40, files | {"model_index.json": json.dumps(index).encode()}
    )
    hub.shelves[KLEIN.undistilled] = UserStorage("4" * 40, files | {FIRST: tensors(7), SECOND: tensors(8)})
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
    other = bytearray(hub.shelves[BASE.source].files[SECOND])
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
    hub.shelves[BASE.source].licence = "non-commercial"
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
    assert hub.bytes_sent == wanted(hub)  # not one twice
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


@pytest.mark.parametrize("path", [FIRST, "vae/config.json"])
def test_a_wrong_checksum_deletes_the_file(hub: HubDouble, tmp_path: Path, path: str) -> None:
    hub.swaps[path] = bytes(len(hub.shelves[BASE.source].files[path]))
    assert path in refused("checksum_wrong")
    assert not list(tmp_path.rglob("*.incomplete"))
    assert not present(BASE)
    hub.swaps.clear()
    get()
    assert present(BASE)


def test_more_bytes_than_were_listed_are_a_wrong_checksum(hub: HubDouble) -> None:
    hub.swaps[FIRST] = hub.shelves[BASE.source].files[FIRST] + b"more"
    refused("checksum_wrong")


@pytest.mark.parametrize("token", [None, "stranger's"])
def test_a_gated_repository_wants_a_token(hub: HubDouble, tmp_path: Path, token: str | None) -> None:
    hub.shelves[BASE.source].token = "owner's"
    said = refused("not_allowed", token=token)
    assert "HF_TOKEN" in said
    assert f"{hub.url}/{BASE.source}" in said
    get(token="owner's")
    assert present(BASE)
    assert not hub.leaked


def test_the_token_is_read_from_where_it_lies(
    hub: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of a file\n")
    assert fetching.token_of(None) is None
    monkeypatch.setenv("HF_TOKEN_FILE", str(tmp_path / "token"))
    assert fetching.token_of(None) == "of a file"
    monkeypatch.setenv("HF_TOKEN", "of the environment")
    assert fetching.token_of(None) == "of the environment"
    assert fetching.token_of(tmp_path / "token") == "of a file"
    with pytest.raises(MLError, match="cannot be read"):
        fetching.token_of(tmp_path / "nowhere")


def test_what_the_hub_does_not_have_is_said(hub: HubDouble) -> None:
    hub.lost = {SECOND}
    assert SECOND in refused("not_on_hub")
    del hub.shelves[BASE.source].files["scheduler/scheduler_config.json"]
    assert "scheduler/*" in refused("not_on_hub")
    hub.shelves[BASE.source].commit = "3" * 40
    assert str(BASE.revision) in refused("not_on_hub")
    del hub.shelves[BASE.source]
    assert BASE.source in refused("not_on_hub")


def test_a_hub_that_cannot_be_reached_or_is_none(hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.ml.hub.listing", lambda name, shelf: {"sha": shelf.commit, "siblings": [{"rfilename": "../x"}]}
    )
    assert "HF_ENDPOINT" in refused("not_on_hub")
    hub.__exit__()
    assert hub.url in refused("download_cut")


def test_room_on_the_disk_is_looked_for_first(hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    free = wanted(hub)  # and nothing to spare
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(free, 0, free))  # type: ignore[attr-defined]
    assert "Make room" in refused("disk_full")
    assert hub.ranges == []


def test_only_what_is_missing_needs_room(hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.cuts[SECOND] = [150_000]
    refused("download_cut")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, 60_000))  # type: ignore[attr-defined]
    get()
    assert present(BASE)


def test_a_disk_that_fills_up_meanwhile(hub: HubDouble, tmp_path: Path) -> None:
    """The part is the system's own full disk."""
    (tmp_path / FIRST).parent.mkdir()
    part = next(f for f in fetching.Hub().listing(BASE.source, None).files if f.path == FIRST).etag[:12]
    (tmp_path / f"{FIRST}.{part}.incomplete").symlink_to("/dev/full")
    assert "Make room" in refused("disk_full", into=tmp_path)
    (tmp_path / f"{FIRST}.{part}.incomplete").unlink()
    get(into=tmp_path)
    assert present(base_of(BASE.name, tmp_path))


def test_one_fetch_at_a_time(hub: HubDouble, tmp_path: Path) -> None:
    with fetching.locked(tmp_path / "cache"):
        refused("fetch_running")


def test_a_shard_that_the_hub_itself_lacks_is_found_out(hub: HubDouble) -> None:
    del hub.shelves[BASE.source].files[SECOND]
    assert SECOND in refused("base_broken")


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


# ---------------------------------------------------------------- the two command lines


def test_the_verb(hub: HubDouble, capsys: Any, tmp_path: Path) -> None:
    argv = ["fetch", BASE.name, "--json", "--into", str(tmp_path / "flux")]
    assert main(argv) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "licence_not_accepted"
    assert main([*argv, "--accept-licence"]) == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["folder"] == str(tmp_path / "flux")
    assert f"{FIRST} 200.1 KB" in out.err
    assert main(["fetch", "boat"]) == 2
    assert "unknown_base: " in capsys.readouterr().err


def test_a_person_at_the_terminal_says_yes(
    hub: HubDouble, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from io import StringIO

    typed = StringIO("yes\nno\n")
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    assert main(["fetch", BASE.name]) == 2
    assert f"licence_not_accepted: {BASE.adapter}" in capsys.readouterr().err


def test_the_operators_command(hub: HubDouble, settings: Any, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(CommandError, match="licence_not_accepted"):
        call_command("fetch_models", BASE.name)
    settings.STUDIO_SOURCES = {BASE.name: str(tmp_path / "flux")}
    call_command("fetch_models", BASE.name, accept_licence=True)
    assert f"{BASE.name} is here: {tmp_path / 'flux'}" in capsys.readouterr().out
    assert present(base_of(BASE.name, tmp_path / "flux"))


def test_fetching_needs_no_torch() -> None:
    program = "import sys, ml.fetch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
