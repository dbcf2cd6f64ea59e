"""What is fetched from elsewhere, which addresses are followed, keys, waits, and the check of LoRA files."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.errors import Away, MLError
from ml.remote import http, lora, waits
from ml.remote.circuit import FAILURES, OPEN_SECONDS, InProcessCircuit
from ml.remote.failures import code_of, failure, words_of
from ml.remote.fal import Fal
from ml.remote.http import Answer, Http, Torn
from ml.remote.journal import FolderJournal
from ml.remote.keys import SKIP_SECONDS, Keys, name_of
from ml.remote.package import bare, package
from ml.remote.settings import Remote
from ml.remote.strict import is_id
from ml.remote.waits import Patience
from ml.types import Request
from tests.ml.doubles import MemoryStore
from tests.remote import FalDouble, made

FAL = Remote("fal", ("key-one", "key-two"))
PUBLIC = "93.184.216.34"


def bad(call: Any) -> str:
    with pytest.raises(MLError) as e:
        call()
    return e.value.code


# ---------------------------------------------------------------- where results may lie


def targets(url: str, *found: str, remote: Remote = FAL) -> list[tuple[str, dict[str, Any]]]:
    return list(Http(remote, resolve=lambda host, port: list(found))._targets(url))


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    named = {"headers": {"Host": "v3.fal.media"}, "extensions": {"sni_hostname": "v3.fal.media"}}
    assert targets("https://v3.fal.media/a?b=1", PUBLIC) == [(f"https://{PUBLIC}/a?b=1", named)]
    [(there, _)] = targets("https://v3.fal.media:8443/a", "2606:2800:220:1::1")
    assert there == "https://[2606:2800:220:1::1]:8443/a"


@pytest.mark.parametrize(
    "url",
    [
        "http://v3.fal.media/a",
        "ftp://v3.fal.media/a",
        "file:///etc/passwd",
        "data:text/plain,x",
        "https://user:secret@v3.fal.media/",
        "https:///a",
        "https://[::1",
        "http://127.0.0.1/a",
        "//v3.fal.media/a",
        "",
    ],
)
def test_results_at_other_addresses_are_not_fetched(url: str) -> None:
    assert bad(lambda: targets(url, PUBLIC)) == "result_bad"


def test_one_private_address_among_public_ones_is_enough() -> None:
    assert bad(lambda: targets("https://v3.fal.media/", PUBLIC, "10.0.0.1")) == "result_bad"
    double = Remote("fal", ("key",), "http://127.0.0.1:1")
    assert bad(lambda: targets("https://v3.fal.media/", "127.0.0.1", remote=double)) == "result_bad"


def test_a_name_without_an_address_is_somebody_away() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    client = Http(FAL, resolve=nobody, sleep=lambda seconds: None)
    with pytest.raises(Away):
        client.fetch("https://v3.fal.media/a", 10)


# ---------------------------------------------------------------- how much is read


def stored(fal: FalDouble, data: bytes, name: str = "x") -> str:
    client = Fal(Remote("fal", tuple(fal.keys), fal.address))
    return client.upload(data, mime="application/octet-stream", name=name, seconds=60, acl="")


def test_results_are_read_up_to_their_limit(fal: FalDouble) -> None:
    client, url = Http(Remote("fal", (), fal.address)), stored(fal, bytes(1000))
    assert client.fetch(url, 1000, 1000) == bytes(1000)
    for most, size in ((999, None), (1000, 999), (1000, 1001)):
        assert bad(lambda most=most, size=size: client.fetch(url, most, size)) == "result_bad"


def test_a_result_is_fetched_again_before_it_counts_as_torn(fal: FalDouble) -> None:
    client, url = Http(Remote("fal", (), fal.address), sleep=lambda seconds: None), stored(fal, bytes(1000))
    fal.scenario("drop", at="file")
    assert len(client.fetch(url, 1000)) == 1000
    fal.scenario("nginx", at="file", times=3)
    with pytest.raises(Away):
        client.fetch(url, 1000)
    assert issubclass(Torn, http.Unanswered)


def test_a_key_never_goes_to_another_host() -> None:
    client = Fal(FAL)
    request = Request("r", "fal", "fal-ai/flux-lora")
    told = {name: f"https://evil.example/{name}" for name in ("status_url", "response_url", "cancel_url")}
    answer = Answer(200, {}, json.dumps({"request_id": "abc-1", **told}).encode())
    assert {url.split("/")[2] for url in client._accepted(request, answer).urls} == {"queue.fal.run"}


@pytest.mark.parametrize(
    "ident, good", [("0a-B9", True), ("", False), ("a/b", False), ("ü", False), ("a" * 101, False)]
)
def test_an_id_is_part_of_an_address(ident: str, good: bool) -> None:
    assert is_id(ident) is good


# ---------------------------------------------------------------- keys, circuit, waits


def test_a_refused_key_is_left_alone_for_ten_minutes() -> None:
    now, told = [0.0], []
    keys = Keys(FAL, on_refused=lambda *said: told.append(said), now=lambda: now[0])
    keys.refuse(name_of("key-one"), "HTTP 401")
    assert [key for _, key in keys.usable()] == ["key-two"]
    now[0] = SKIP_SECONDS
    assert [key for _, key in keys.usable(first=name_of("key-two"))] == ["key-two", "key-one"]
    assert told == [("fal", name_of("key-one"), "HTTP 401")]


def test_a_circuit_opens_after_failures_in_a_row_and_closes_with_the_first_success() -> None:
    now = [0.0]
    circuit = InProcessCircuit(now=lambda: now[0])
    for _ in range(FAILURES):
        assert not circuit.open("fal")
        circuit.failed("fal")
    assert (circuit.open("fal"), circuit.open("together")) == (True, False)
    now[0] = OPEN_SECONDS
    assert not circuit.open("fal")
    circuit.failed("fal")
    assert circuit.open("fal")
    circuit.worked("fal")
    assert not circuit.open("fal")


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": formatdate(10_030, usegmt=True), "date": formatdate(10_000, usegmt=True)}, 30.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": formatdate(10, usegmt=True)}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after": "-1"}, None),
    ],
)
def test_how_long_they_ask_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert waits.told(headers) == seconds


def test_waits_are_at_most_a_minute_together() -> None:
    slept: list[float] = []
    patience = Patience(slept.append)
    assert [patience.wait(Answer(429, {"retry-after": "25"}, b"")) for _ in range(3)] == [True, True, False]
    assert slept == [25, 25]
    unsaid = Patience(slept.append)
    while unsaid.wait(Answer(429, {}, b"")):
        pass
    assert slept[2:] == [1, 2, 4, 8, 16]


# ---------------------------------------------------------------- their words in our codes


@pytest.mark.parametrize(
    "status, body, code",
    [
        (402, "{}", "engine_unpaid"),
        (403, '{"detail": "User is locked. Reason: Exhausted balance."}', "engine_unpaid"),
        (403, '{"detail": "Forbidden"}', "engine_key_refused"),
        (401, "no JSON", "engine_key_refused"),
        (404, "{}", "engine_model_gone"),
        (400, '{"error": {"code": "model_not_available", "message": "x"}}', "engine_model_gone"),
        (429, "{}", "engine_busy"),
        (422, '{"detail": [{"type": "content_policy_violation", "msg": "x"}]}', "result_refused"),
        (422, '{"detail": [{"type": "value_error", "input": "nsfw prompt", "msg": "x"}]}', "engine_failed"),
        (500, "<html>", "engine_failed"),
    ],
)
def test_what_an_answer_means(status: int, body: str, code: str) -> None:
    assert code_of(status, words_of(body.encode())) == code
    assert failure("fal", code).message.endswith(".")


# ---------------------------------------------------------------- LoRA files


def file_of(shapes: dict[str, tuple[int, ...]], dtype: Any = np.float16) -> bytes:
    return made.safetensors({name: np.zeros(shape, dtype) for name, shape in shapes.items()})


Shapes = dict[str, tuple[int, ...]]
DOWN_UP = ("lora_down", "lora_up")


def halves(layer: str, inputs: int, outputs: int, rank: int = 4, names: Any = ("lora_A", "lora_B")) -> Shapes:
    down, up = names
    return {f"{layer}.{down}.weight": (rank, inputs), f"{layer}.{up}.weight": (outputs, rank)}


SINGLE = "transformer.single_transformer_blocks.37"
OLD = "lora_unet_double_blocks_0_img_attn_qkv"


@pytest.mark.parametrize(
    "shapes",
    [
        halves(f"{SINGLE}.proj_out", 15360, 3072),
        halves("transformer.transformer_blocks.18.ff.net.0.proj", 3072, 12288),
        halves("lora_transformer_single_transformer_blocks_0_attn_to_k", 3072, 3072, names=DOWN_UP),
        halves(OLD, 3072, 9216, names=DOWN_UP) | {f"{OLD}.alpha": ()},
        halves("diffusion_model.single_blocks.5.linear1", 3072, 21504),
    ],
)
def test_both_ways_of_naming_layers_are_read(shapes: Shapes) -> None:
    assert lora.rank_of(lora.check(file_of(shapes))) == 4


@pytest.mark.parametrize(
    "shapes",
    [
        {},
        halves("transformer.single_transformer_blocks.38.attn.to_q", 3072, 3072),
        halves("transformer.transformer_blocks.19.attn.to_q", 3072, 3072),
        halves("transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj", 3072, 3072),
        halves("unet.down_blocks.0.attentions.0.to_q", 320, 320),
        halves("text_encoder.text_model.encoder.layers.0.mlp.fc1", 768, 3072),
        halves(f"{SINGLE}.attn.to_q", 2560, 2560),
        halves(f"{SINGLE}.attn.to_q", 3072, 3072, rank=513),
        {f"{SINGLE}.attn.to_q.lora_A.weight": (4, 3072)},
        {f"{SINGLE}.attn.to_q.lora_A.weight": (4, 3072), f"{SINGLE}.attn.to_q.lora_B.weight": (3072, 8)},
        halves(f"{SINGLE}.attn.to_q", 3072, 3072) | {f"{SINGLE}.attn.to_q.alpha": (2,)},
    ],
)
def test_loras_of_other_bases_and_halves_are_refused(shapes: Shapes) -> None:
    with pytest.raises(lora.NotALora):
        lora.check(file_of(shapes))


GOOD = file_of(halves(f"{SINGLE}.attn.to_q", 3072, 3072))


def with_header(change: Any) -> bytes:
    length = int.from_bytes(GOOD[:8], "little")
    header = json.loads(GOOD[8 : 8 + length])
    text = json.dumps(change(header)).encode()
    return struct.pack("<Q", len(text)) + text + GOOD[8 + length :]


def each(**facts: Any) -> Any:
    return lambda header: {name: row | facts for name, row in header.items()}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04pickle",
        b"<html>" * 10,
        GOOD[:-1],
        GOOD + b"x",
        struct.pack("<Q", 2**62) + GOOD[8:],
        with_header(lambda header: []),
        with_header(lambda header: {"a": 1}),
        with_header(each(dtype="F64")),
        with_header(each(shape=[-4, 3072])),
        with_header(each(shape=[2**70, 1])),
        with_header(each(data_offsets=[0, 24576])),
        with_header(each(data_offsets=None)),
        with_header(each(shape=[True, 3072])),
    ],
)
def test_files_that_are_not_whole_are_refused(data: bytes) -> None:
    with pytest.raises(lora.NotALora):
        lora.check(data)


def test_our_facts_go_into_the_header_and_out_again() -> None:
    from safetensors.numpy import load

    kept = lora.with_facts(GOOD, {"reference": [0.5], "base": "fal"})
    sent = lora.without_facts(kept)
    assert b"reference" in kept
    assert b"photoflux" not in sent
    assert {k: v.shape for k, v in load(kept).items()} == {k: v.shape for k, v in load(sent).items()}
    assert made.fingerprint(kept) == made.fingerprint(sent) == made.fingerprint(GOOD)


# ---------------------------------------------------------------- photos on their way, the CLI's journal


def test_nothing_but_the_picture_is_in_a_packed_photo() -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "my name and where I live"
    Image.new("RGB", (64, 64), "red").save(out, "JPEG", exif=exif, comment=b"my name")
    with zipfile.ZipFile(io.BytesIO(package([out.getvalue()], "man"))) as file:
        [photo] = [file.read(name) for name in file.namelist() if name.endswith(".jpg")]
    assert photo == bare(out.getvalue())
    assert b"my name" not in photo
    assert Image.open(io.BytesIO(photo)).getpixel((5, 5)) == Image.open(out).getpixel((5, 5))


def test_the_journal_of_the_command_line_tells_one_piece_of_work_from_another(tmp_path: Path) -> None:
    store = MemoryStore()
    one, other = FolderJournal(store, "twin", "a"), FolderJournal(store, "twin", "b")
    request = one.begin("training", "fal", "model")
    one.sent(Request(**request.__dict__ | {"request_id": "1", "urls": ("s", "r", "c")}))
    assert other.open("training") is None
    found = FolderJournal(store, "twin", "a").open("training")
    assert found
    assert (found.request_id, found.urls) == ("1", ("s", "r", "c"))
    assert one.waiting() == [found]
    one.ended(found, "delivered")
    assert (one.open("training"), one.waiting()) == (None, [])


def test_copies_are_known_as_long_as_they_live() -> None:
    journal = FolderJournal(MemoryStore(), "pictures")
    journal.copied("fal", "twin", "https://a", 60)
    assert (journal.copy("fal", "twin"), journal.copy("fal", "other")) == ("https://a", "")
    assert FolderJournal(journal.store, "pictures", lora="other").copy("fal", "twin") == ""
    gone = FolderJournal(MemoryStore(), "pictures")
    gone.copied("fal", "twin", "https://a", -1)
    assert gone.copy("fal", "twin") == ""
