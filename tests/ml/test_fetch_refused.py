"""Fetching a base from a hub that refuses, fails or is no hub, and onto a full disk; and the command
lines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ml import fetch as fetching
from ml.__main__ import main
from ml.catalogue import base_of
from ml.errors import MLError
from ml.local.files import present
from tests.ml.flux_hub import BASE, FIRST, SECOND, get, refused, wanted
from tests.ml.hub import HubDouble


@pytest.mark.parametrize("path", [FIRST, "vae/config.json"])
def test_a_wrong_checksum_deletes_the_file(hub: HubDouble, tmp_path: Path, path: str) -> None:
    hub.swaps[path] = bytes(len(hub.repositories[BASE.source].files[path]))
    assert path in refused("checksum_wrong")
    assert not list(tmp_path.rglob("*.incomplete"))
    assert not present(BASE)
    hub.swaps.clear()
    get()
    assert present(BASE)


def test_more_bytes_than_were_listed_are_a_wrong_checksum(hub: HubDouble) -> None:
    hub.swaps[FIRST] = hub.repositories[BASE.source].files[FIRST] + b"more"
    refused("checksum_wrong")


@pytest.mark.parametrize("token", [None, "stranger's"])
def test_a_gated_repository_wants_a_token(hub: HubDouble, tmp_path: Path, token: str | None) -> None:
    hub.repositories[BASE.source].token = "owner's"
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
    del hub.repositories[BASE.source].files["scheduler/scheduler_config.json"]
    assert "scheduler/*" in refused("not_on_hub")
    hub.repositories[BASE.source].commit = "3" * 40
    assert str(BASE.revision) in refused("not_on_hub")
    del hub.repositories[BASE.source]
    assert BASE.source in refused("not_on_hub")


def test_a_hub_that_cannot_be_reached_or_is_none(hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.ml.hub.listing",
        lambda name, stored: {"sha": stored.commit, "siblings": [{"rfilename": "../x"}]},
    )
    assert "HF_ENDPOINT" in refused("not_on_hub")
    hub.__exit__()
    assert hub.url in refused("download_cut")


def test_room_on_the_disk_is_looked_for_first(hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    free = wanted(hub)  # without the margin of SPARE
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
    """The part is a link to /dev/full, the system's simulated full disk."""
    (tmp_path / FIRST).parent.mkdir()
    part = next(f for f in fetching.ModelHub().listing(BASE.source, None).files if f.path == FIRST).etag[:12]
    (tmp_path / f"{FIRST}.{part}.incomplete").symlink_to("/dev/full")
    assert "Make room" in refused("disk_full", into=tmp_path)
    (tmp_path / f"{FIRST}.{part}.incomplete").unlink()
    get(into=tmp_path)
    assert present(base_of(BASE.name, tmp_path))


def test_one_fetch_at_a_time(hub: HubDouble, tmp_path: Path) -> None:
    with fetching.locked(tmp_path / "cache"):
        refused("fetch_running")


def test_a_shard_that_the_hub_itself_lacks_is_found_out(hub: HubDouble) -> None:
    del hub.repositories[BASE.source].files[SECOND]
    assert SECOND in refused("base_broken")


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
