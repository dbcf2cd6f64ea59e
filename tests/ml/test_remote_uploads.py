"""Large files: they go to fal in parts, and are in memory about twice."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from ml.errors import Away
from ml.remote import fal as fal_module
from ml.remote import http, lora
from ml.remote.fal import Fal
from ml.remote.settings import Remote
from tests.remote import FalDouble


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fal_module, "AT_ONCE", 1000)
    monkeypatch.setattr(fal_module, "PART", 700)


def send(fal: FalDouble, data: bytes, acl: str = "forbid") -> str:
    client = Fal(Remote("fal", tuple(fal.keys), fal.address))
    try:
        return client.upload(data, mime="application/zip", name="a.zip", seconds=3600, acl=acl)
    finally:
        client.http.close()


def test_a_large_file_goes_in_parts_and_lies_there_as_a_small_one_does(
    fal: FalDouble, small_parts: None
) -> None:
    data = bytes(range(250)) * 8  # 700, 700 and 600 bytes
    url = send(fal, data)
    assert [call["path"].rpartition("/")[2] for call in fal.requests] == [
        "token", "multipart", "1", "2", "3", "complete",
    ]  # fmt: skip
    (file,) = fal.files("upload")
    assert fal.read(url) == data
    assert (file["acl"], file["expires"] - file["made"], file["kind"]) == ("forbid", 3600, "application/zip")
    assert fal.breaches == []
    send(fal, data[:1000])
    assert fal.requests[-1]["path"] == "/files/upload"


def most_held(act: Callable[[], Any]) -> int:
    """Bytes that Python held at once beyond what it held before."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_lora_is_in_memory_at_most_about_twice(fal: FalDouble) -> None:
    size = 16 << 20
    row = {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}
    header = json.dumps({"a": row}).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(size)
    url = send(fal, data, acl="")
    client = Fal(Remote("fal", tuple(fal.keys), fal.address)).http

    assert most_held(lambda: lora.with_facts(client.fetch(url, http.MOST_LORA), {})) < 2.3 * size


def test_what_the_storage_does_not_take_of_a_large_file_waits(fal: FalDouble, small_parts: None) -> None:
    fal.scenario("away", at="upload", times=2)
    with pytest.raises(Away):
        send(fal, bytes(2000))
    assert fal.files("upload") == []
