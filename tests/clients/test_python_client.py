"""The Python client and its command, against the running site."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from photoflux import ApiError, AsyncClient, Client, RunFailed, Unreachable, requests
from photoflux.cli import main
from photoflux.requests import wait_before

from config.web.schema import document
from tests import aio
from tests.conftest import jpeg

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def say(key: str, live_server: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., str]:
    """Runs the command, and gives what it prints."""
    monkeypatch.setenv("PHOTOFLUX_KEY", key)
    monkeypatch.setenv("PHOTOFLUX_URL", live_server.url)

    def run(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return str(said.err if code else said.out)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten photos, one of them twice, and a note."""
    for n in range(10):
        (tmp_path / f"photo {n}.jpg").write_bytes(jpeg(n))
    (tmp_path / "again.JPG").write_bytes(jpeg(3))
    (tmp_path / "note.txt").write_text("no photo")
    return tmp_path


@pytest.mark.django_db(transaction=True)
def test_a_walk_with_the_command(
    say: Callable[..., str], folder: Path, tmp_path: Path, worker: None, key: str, live_server: Any
) -> None:
    said = say("upload", str(folder), "--name", "Me")
    assert (said.count("accepted "), said.count("refused")) == (10, 1)
    assert "10 photos accepted, 0 more needed" in said
    twin = said.split("twin ")[1].split(":")[0]
    assert "training 1 is ready, likeness" in say("train", twin)
    made = say("generate", "in a park", "--twin", twin, "--count", "2", "--out", str(tmp_path / "made"))
    assert [Path(line).read_bytes()[:4] for line in made.split("\n") if line] == [b"\x89PNG"] * 2
    assert "2 pictures are in" in say("download", "--out", str(tmp_path / "made"))  # they are there already
    assert len(list((tmp_path / "made").iterdir())) == 2
    assert "trained    Me" in say("twins")
    aio.run(lambda: _look_around(key, live_server.url, twin))


async def _look_around(key: str, url: str, twin: str) -> None:
    """The same with the asynchronous client."""
    async with AsyncClient(key, url) as flux:
        assert (await flux.twin(twin))["status"] == "trained"
        assert [item["twin"] async for item in flux.items(limit=1)] == [twin, twin]
        assert (await flux.quote("image", prompt="x", count=4))["credits"] > 0
        shares: list[float] = []
        job = await flux.generate("at sea", twin=twin, key="once", quality="draft")
        assert (await flux.generate("at sea", twin=twin, key="once", quality="draft"))["id"] == job["id"]
        done = await flux.wait(job, progress=shares.append)
        assert (len(done["items"]), shares[-1]) == (1, 1.0)
        with pytest.raises(ApiError) as refused:
            await flux.request("POST", "/albums", {"name": ""})
        assert (refused.value.code, list(refused.value.errors)) == ("invalid", ["name"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "arguments,sentence",
    [
        (("train", "0b0e9b1e-6a37-4d5e-9f0c-2f4f3c1f7a10"), "There is nothing here, or it is not yours."),
        (("upload", "/nowhere", "--name", "Me"), "No such file or directory"),
        (("--key", "", "twins"), "There is no API key."),
        (("--key", "pf_no", "twins"), "Log in, or send a valid token."),
    ],
)
def test_a_refusal_is_a_sentence(say: Callable[..., str], arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in say(*arguments, code=1)


# ---------------------------------------------------------------- without a site


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "worker" not in request.fixturenames:
        monkeypatch.setattr(requests, "wait_before", lambda tries, response: 0.0)


class Site:
    """Answers these in turn; None: the connection breaks."""

    def __init__(self, *answers: httpx.Response | None) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if answer is None:
            raise httpx.ReadError("broken")
        return answer

    def client(self) -> Client:
        return Client("pf_x", "http://site", tries=3, transport=httpx.MockTransport(self))


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "No."}, headers=headers)


def offset(n: int, status: int = 204) -> httpx.Response:
    return httpx.Response(status, headers={"Upload-Offset": str(n), "Location": "/api/v1/uploads/u"})


def test_what_costs_is_tried_again_under_one_key() -> None:
    site = Site(None, refusal(503, "unavailable"), httpx.Response(202, json={"id": "j"}))
    assert site.client().generate("x")["id"] == "j"
    assert len({request.headers["Idempotency-Key"] for request in site.asked}) == 1


def test_what_may_have_happened_is_not_done_twice() -> None:
    site = Site(None)
    with pytest.raises(Unreachable):
        site.client().create_twin("Me")
    limited = Site(refusal(429, "rate_limited"), httpx.Response(201, json={"id": "t"}))
    assert limited.client().create_twin("Me")["id"] == "t"


def test_it_gives_up_with_the_last_refusal() -> None:
    with pytest.raises(ApiError) as refused:
        Site(*[refusal(503, "unavailable")] * 3).client().me()
    assert (refused.value.status, refused.value.code) == (503, "unavailable")
    with pytest.raises(ApiError):
        Site(httpx.Response(500, text="<html>")).client().me()


def test_a_broken_upload_goes_on_where_it_stopped() -> None:
    data, shares = bytes(3 * requests.PIECE), []
    site = Site(
        offset(0, 201), None, offset(100, 200), refusal(409, "wrong_offset"), offset(2 * requests.PIECE, 200)
    )
    site.answers += [offset(3 * requests.PIECE), httpx.Response(200, json={"id": "u"})]
    assert site.client().upload_photo("t", data, progress=shares.append)["id"] == "u"
    sent = [(each.method, each.headers.get("Upload-Offset")) for each in site.asked[1:6]]
    first = [("PATCH", "0"), ("HEAD", None), ("PATCH", "100"), ("HEAD", None)]
    assert sent == [*first, ("PATCH", str(2 * requests.PIECE))]
    assert shares[-1] == 1.0


def test_a_failed_run_is_an_error() -> None:
    run: Any = {
        "id": "j",
        "kind": "image",
        "status": "failed",
        "progress": 0.5,
        "error": {"code": "internal"},
    }
    run["error"]["detail"] = "It broke."
    with pytest.raises(RunFailed, match="It broke") as failed:
        Site(httpx.Response(200, json=run)).client().wait(run)
    assert failed.value.code == "internal"


@pytest.mark.parametrize(
    "told,seconds", [({"Retry-After": "7"}, 7.0), ({"Retry-After": "9999"}, 60.0), ({}, 2.0)]
)
def test_it_waits_as_long_as_it_is_told(told: dict[str, str], seconds: float) -> None:
    assert wait_before(2, httpx.Response(429, headers=told)) == seconds


def test_the_made_files_are_of_this_api() -> None:
    """Else: manage.py release_api for the next release, and clients/python/generate.py of the description."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "clients/python/generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    schemas = json.loads(document("en")[0])["components"]["schemas"]
    assert {path.name: path.read_text() == text for path, text in generate.made(schemas).items()} == {
        "types.py": True,
        "synchronous.py": True,
    }
