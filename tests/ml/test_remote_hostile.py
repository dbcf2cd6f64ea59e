"""A service that answers nonsense, slowly or too much: an expected error at last, and no thread is held."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ml.errors import MLError
from ml.remote import lora, strict, webhooks
from ml.remote.failures import code_of, words_of
from ml.remote.fal import Fal
from ml.remote.http import Answer, Http, NotSent, Unanswered
from ml.remote.settings import Remote
from ml.types import Request

REQUEST = Request("r", "fal", "fal-ai/flux-lora", request_id="a-1", urls=("https://queue.fal.run/s",) * 3)


class Says(Http):
    """A client whose service gives this answer."""

    def __init__(self, answer: Answer):
        super().__init__(Remote("fal", ("a-key",)))
        self.answer = answer

    def send(self, *args: Any, **options: Any) -> Answer:
        return self.answer

    def read(self, *args: Any, **options: Any) -> Answer:
        return self.answer


def fal(status: int = 200, headers: dict[str, str] | None = None, **said: Any) -> Fal:
    client = Says(Answer(status, headers or {}, json.dumps(said).encode()))
    return Fal(client.remote, http=client)


# ---------------------------------------------------------------- drops of bytes


@pytest.fixture
def drops() -> Iterator[Callable[[bytes], str]]:
    """Opens a server that sends some bytes and then one every 20 ms, until the other side closes."""
    over, threads = threading.Event(), []

    def drip(server: socket.socket, first: bytes) -> None:
        peer, _ = server.accept()
        with server, peer:
            peer.sendall(first)
            while not over.wait(0.02):
                try:
                    peer.sendall(b"a")
                except OSError:
                    break

    def opened(first: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=drip, args=(server, first)))
        threads[-1].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield opened
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_an_answer_in_drops_ends(drops: Callable[[bytes], str], first: bytes) -> None:
    url = drops(first)
    with pytest.raises(Unanswered):
        Http(Remote("fal", (), url)).send("POST", url, headers={}, body={}, seconds=0.2)


def test_a_request_that_is_taken_in_drops_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes what the system keeps for it
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Unanswered):
            Http(Remote("fal", (), url)).send("POST", url, headers={}, body=bytes(20_000_000), seconds=0.2)


def test_a_result_in_drops_ends(drops: Callable[[bytes], str]) -> None:
    url = drops(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    with pytest.raises(MLError):
        Http(Remote("fal", (), url), sleep=lambda seconds: None).fetch(url, 10_000, seconds=0.2)


# ---------------------------------------------------------------- odd answers


@pytest.mark.parametrize(
    "url", ["http://[", "https://a/" + 500 * "x", "https://a/\0", "a b", "", 5, [], None]
)
def test_an_odd_address_of_a_request_is_not_used(url: Any) -> None:
    said = {"request_id": "a-1", **dict.fromkeys(("status_url", "response_url", "cancel_url"), url)}
    sent = fal(**said).submit(REQUEST, {}, headers={})
    own = "https://queue.fal.run/fal-ai/flux-lora/requests/a-1"
    assert sent.urls == (f"{own}/status", own, f"{own}/cancel")


@pytest.mark.parametrize("ident", [None, 5, [], "", "../../a", "a\nb", "a?b", "x" * 101])
def test_a_submit_with_an_odd_id_was_not_answered(ident: Any) -> None:
    with pytest.raises(Unanswered):
        fal(request_id=ident).submit(REQUEST, {}, headers={})


@pytest.mark.parametrize("status", [None, 5, [], {}, "DONE"])
def test_an_odd_status_is_no_answer(status: Any) -> None:
    with pytest.raises(Unanswered):
        fal(status=status).status(REQUEST)


@pytest.mark.parametrize(
    "said", [{}, {"token": "a\nb"}, {"token": []}, {"token": "ü"}, {"token": "a", "token_type": "x y"}]
)
def test_an_odd_token_or_address_of_a_file_fails(said: dict[str, Any]) -> None:
    for answer in (said, {"token": "a", "access_url": said.get("token")}):
        with pytest.raises(MLError) as e:
            fal(**answer).upload(b"", mime="a/b", name="c", seconds=60)
        assert e.value.code == "engine_failed"


def test_a_busy_queue_may_have_taken_what_a_gateway_has_not() -> None:
    with pytest.raises(NotSent):
        fal(503).submit(REQUEST, {}, headers={})
    with pytest.raises(Unanswered):
        fal(503, {"x-fal-request-id": "a-1"}).submit(REQUEST, {}, headers={})


def test_a_field_named_safety_is_no_refusal() -> None:
    body = {"detail": [{"loc": ["body", "enable_safety_checker"], "msg": "value is not a boolean"}]}
    assert code_of(422, words_of(json.dumps(body).encode())) == "engine_failed"


@pytest.mark.parametrize("dtype", [[], {}, None, 5, "F64"])
def test_a_tensor_of_an_odd_type_is_no_lora(dtype: Any) -> None:
    header = json.dumps({"a": {"dtype": dtype, "shape": [1, 1], "data_offsets": [0, 2]}}).encode()
    with pytest.raises(lora.NotALora):
        lora.check(len(header).to_bytes(8, "little") + header + b"ab")


def test_json_of_very_many_parts_is_not_read() -> None:
    assert len(strict.parse(b"[" + b"1," * 1000 + b"1]")) == 1001
    for part in (b"[],", b"1,", b'{"a":1},'):
        with pytest.raises(strict.BadJson):
            strict.parse(b"[" + part * strict.MOST_PARTS + b"1]")


@pytest.mark.parametrize("ident", ["../../a", "a\nb", "x" * 101, "a\0", ""])
def test_a_webhook_with_an_odd_id_names_no_request(ident: str) -> None:
    with pytest.raises(MLError) as e:
        webhooks._request_of(json.dumps({"request_id": ident}).encode(), ident)
    assert e.value.code == "webhook_bad"
