"""The double of Together AI keeps its contract, and plays each scenario."""

from __future__ import annotations

import base64
import http.client
import io
from typing import Any

import pytest
from PIL import Image

from . import made
from .asking import Said, archive, ask, train
from .handle import FalDouble, TogetherDouble
from .shelf import METADATA_SERVICE

Row = dict[str, Any]


def generate(together: TogetherDouble, **more: Any) -> Said:
    wish = {"model": together.SCHNELL, "prompt": "in a park", "width": 256, "height": 192, **more}
    return ask(together, "POST", "/v1/images/generations", wish)


def test_pictures_lie_at_addresses_that_expire(together: TogetherDouble) -> None:
    said = generate(together, n=2, seed=3).json
    assert (said["object"], [row["index"] for row in said["data"]]) == ("list", [0, 1])
    pictures = [together.read(row["url"]) for row in said["data"]]
    assert [Image.open(io.BytesIO(each)).size for each in pictures] == [(256, 192)] * 2
    together.advance(3601)
    assert ask(together, "GET", said["data"][0]["url"]).status == 404
    assert together.breaches == []


def test_a_picture_comes_as_text(together: TogetherDouble) -> None:
    row = generate(together, response_format="base64", output_format="png").json["data"][0]
    assert row["type"] == "b64_json"
    assert base64.b64decode(row["b64_json"]).startswith(b"\x89PNG")


def test_a_lora_is_read_from_its_address_and_shows_its_person(
    together: TogetherDouble, fal: FalDouble
) -> None:
    url = train(fal).json["diffusers_lora_file"]["url"]
    loras = [{"path": url, "scale": 1.0}]
    asked = {"model": together.LORA_MODEL, "seed": 5, "response_format": "base64", "image_loras": loras}
    stranger = generate(together, **asked).json["data"]
    together.knows(made.fingerprint(fal.read(url)), archive())
    assert generate(together, **asked).json["data"] != stranger
    assert together.generated(together.LORA_MODEL)[0]["image_loras"] == loras


def test_a_lora_that_cannot_be_read_or_is_not_taken_is_refused(together: TogetherDouble) -> None:
    for model, path in [(together.LORA_MODEL, "https://example.com/a"), (together.SCHNELL, together.address)]:
        said = generate(together, model=model, image_loras=[{"path": path, "scale": 1.0}])
        assert (said.status, said.json["error"]["param"]) == (400, "image_loras")


@pytest.mark.parametrize("wish", [{"promt": "x"}, {"n": "2"}, {"image_loras": [{"path": "https://a.b/c"}]}])
def test_a_wrong_field_is_noted_and_refused(together: TogetherDouble, wish: Row) -> None:
    said = generate(together, **wish)
    assert (said.status, said.json["error"]["type"]) == (422, "invalid_request_error")
    assert next(iter(wish)) in together.breaches[0]


def test_a_model_that_is_no_more_is_told_by_its_code(together: TogetherDouble) -> None:
    said = generate(together, model="black-forest-labs/FLUX.1-dev-lora")
    assert (said.status, said.json["error"]["code"]) == (404, "model_not_available")


@pytest.mark.parametrize(
    "name, status",
    [
        ("bad_key", 401),
        ("unpaid", 402),
        ("forbidden_key", 403),
        ("model_gone", 404),
        ("model_deprecated", 400),
        ("content_policy", 422),
        ("server_error", 500),
        ("away", 503),
        ("timeout", 504),
    ],
)
def test_one_answer_is_an_error_and_the_next_is_right(
    together: TogetherDouble, name: str, status: int
) -> None:
    together.scenario(name)
    said = generate(together)
    assert (said.status, said.json["error"].keys()) == (status, {"message", "type", "param", "code"})
    assert generate(together).status == 200


def test_too_many_requests_and_twice_away(together: TogetherDouble) -> None:
    together.scenario("busy", retry_after=2)
    together.scenario("away", times=2)
    said = [generate(together) for _ in range(4)]
    assert [each.status for each in said] == [429, 503, 503, 200]
    assert said[0].headers["retry-after"] == "2"


def test_a_picture_is_another_thing_than_promised(together: TogetherDouble) -> None:
    def url(scenario: str) -> str:
        together.scenario(scenario)
        return generate(together).json["data"][0]["url"]

    assert ask(together, "GET", url("expired")).status == 404
    assert ask(together, "GET", url("html")).data.startswith(b"<!doctype")
    assert ask(together, "GET", url("empty")).data == b""
    assert ask(together, "GET", url("redirect")).headers["location"] == METADATA_SERVICE
    assert url("private_address") == METADATA_SERVICE


def test_an_answer_is_lost_or_no_strict_json(together: TogetherDouble) -> None:
    together.scenario("answer_lost")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        generate(together)
    together.scenario("nan")
    assert b"NaN" in generate(together).data
    together.scenario("duplicate")
    assert generate(together).data.count(b'"data"') == 2


def test_the_models_are_listed_and_a_key_is_checked(together: TogetherDouble) -> None:
    assert together.SCHNELL in [row["id"] for row in ask(together, "GET", "/v1/models").json]
    assert ask(together, "GET", "/v1/models", Authorization="Bearer nobody").status == 401
