"""The services' own Python clients work with the doubles as with the services."""

from __future__ import annotations

import base64

import fal_client
import pytest
import together as together_client
from fal_client import client as fal_module

from .asking import archive
from .handle import FalDouble, TogetherDouble

HOUR = fal_client.StorageSettings(expires_in="1h", initial_acl=fal_client.StorageACL(default="forbid"))


@pytest.fixture
def client(fal: FalDouble, monkeypatch: pytest.MonkeyPatch) -> fal_client.SyncClient:
    """fal's client; its hosts are constants of the module."""
    monkeypatch.setattr(fal_module, "QUEUE_URL_FORMAT", f"{fal.address}/")
    monkeypatch.setattr(fal_module, "REST_URL", fal.address)
    monkeypatch.setattr(fal_module, "CDN_URL", fal.address)
    return fal_client.SyncClient(key=fal.keys[0])


@pytest.fixture
def pictures(together: TogetherDouble) -> together_client.Together:
    return together_client.Together(api_key=together.keys[0], base_url=together.address, max_retries=2)


def trained(client: fal_client.SyncClient) -> fal_client.SyncRequestHandle:
    url = client.upload(archive(), "application/zip", "photos.zip", lifecycle=HOUR)
    return client.submit(FalDouble.TRAINER, {"images_data_url": url, "steps": 500})


def test_a_training_from_upload_to_result(client: fal_client.SyncClient, fal: FalDouble) -> None:
    handle = trained(client)
    states = list(handle.iter_events(with_logs=True, interval=0.001))
    assert [type(each).__name__ for each in states] == ["Queued", "InProgress", "Completed"]
    assert states[1].logs[0]["message"].endswith("/500")
    assert handle.get()["diffusers_lora_file"]["file_name"].endswith(".safetensors")
    (photos,) = fal.files("upload")
    assert (photos["acl"], round(photos["expires"] - photos["made"])) == ("forbid", 3600)
    assert fal.breaches == []


def test_pictures_with_the_trained_lora(client: fal_client.SyncClient, fal: FalDouble) -> None:
    fal.pace(polls=0)
    lora = trained(client).get()["diffusers_lora_file"]["url"]
    wish = {"prompt": "in a park", "loras": [{"path": lora}], "image_size": "square", "seed": 3}
    said = client.subscribe(FalDouble.PICTURES, wish, priority="low", with_logs=True)
    assert (said["seed"], said["images"][0]["width"]) == (3, 512)
    assert fal.breaches == []


def test_events_are_streamed_and_a_large_file_goes_up_in_parts(
    client: fal_client.SyncClient, fal: FalDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fal_module, "MULTIPART_THRESHOLD", 1000)
    monkeypatch.setattr(fal_module, "MULTIPART_CHUNK_SIZE", 700)
    data = bytes(range(256)) * 8
    assert fal.read(client.upload(data, "application/zip", "a.zip", lifecycle=HOUR)) == data
    assert fal.files("upload")[0]["acl"] == "forbid"
    monkeypatch.setattr(fal_module, "MULTIPART_THRESHOLD", 10_000)
    assert fal.read(client.upload(data, "application/zip", "a.zip", repository="fal")) == data


def test_a_request_is_cancelled_and_found_again(client: fal_client.SyncClient, fal: FalDouble) -> None:
    handle = client.submit(FalDouble.PICTURES, {"prompt": "x"})
    again = client.get_handle(FalDouble.PICTURES, handle.request_id)
    assert again.status() == fal_client.Queued(position=0)
    again.cancel()
    assert handle.status().error_type == "client_cancelled"
    with pytest.raises(fal_client.FalClientHTTPError) as late:
        handle.cancel()
    assert late.value.status_code == 400


@pytest.mark.parametrize(
    "scenario, status, kind",
    [("failed", 503, "runner_disconnected"), ("content_policy", 422, None), ("bad_key", 401, None)],
)
def test_errors_are_those_of_the_client(
    client: fal_client.SyncClient, fal: FalDouble, scenario: str, status: int, kind: str | None
) -> None:
    fal.scenario(scenario)
    fal.pace(polls=0)
    with pytest.raises(fal_client.FalClientHTTPError) as e:
        client.submit(FalDouble.PICTURES, {"prompt": "x"}).get()
    assert (e.value.status_code, e.value.error_type) == (status, kind)


def test_the_client_waits_when_there_are_too_many_requests(
    client: fal_client.SyncClient, fal: FalDouble
) -> None:
    fal.scenario("busy", times=2)
    fal.scenario("nginx")
    client.submit(FalDouble.PICTURES, {"prompt": "x"})
    assert [row["status"] for row in fal.requests] == [429, 429, 502, 200]


def test_a_webhook_and_the_wishes_of_a_submit_arrive(client: fal_client.SyncClient, fal: FalDouble) -> None:
    where = "https://studio.example/hooks/fal/1?a=b"
    client.submit(FalDouble.PICTURES, {"prompt": "x"}, webhook_url=where, start_timeout=60, hint="a")
    (row,) = fal.submitted()
    assert row["webhook"] == where
    assert row["headers"] == {"x-fal-request-timeout": "60.0", "x-fal-runner-hint": "a"} | {
        name: value for name, value in row["headers"].items() if "priority" in name
    }
    assert fal.breaches == []


def test_together_makes_pictures_both_ways(
    pictures: together_client.Together, together: TogetherDouble
) -> None:
    wish = {"model": together.SCHNELL, "prompt": "in a park", "width": 256, "height": 256, "steps": 4}
    by_url = pictures.images.generate(**wish, n=2, response_format="url").data
    assert all(together.read(row.url).startswith(b"\xff\xd8") for row in by_url)
    (row,) = pictures.images.generate(**wish, response_format="base64", output_format="png").data
    assert base64.b64decode(row.b64_json).startswith(b"\x89PNG")
    assert together.breaches == []


@pytest.mark.parametrize(
    "scenario, error",
    [
        ("bad_key", together_client.AuthenticationError),
        ("forbidden_key", together_client.PermissionDeniedError),
        ("model_gone", together_client.NotFoundError),
        ("model_deprecated", together_client.BadRequestError),
        ("content_policy", together_client.UnprocessableEntityError),
        ("unpaid", together_client.APIStatusError),
    ],
)
def test_errors_are_those_of_togethers_client(
    pictures: together_client.Together, together: TogetherDouble, scenario: str, error: type[Exception]
) -> None:
    together.scenario(scenario)
    with pytest.raises(error, match="message"):
        pictures.images.generate(model=together.SCHNELL, prompt="x")


def test_togethers_client_waits_as_told(pictures: together_client.Together, together: TogetherDouble) -> None:
    together.scenario("busy", times=2, retry_after=0.01)
    pictures.images.generate(model=together.SCHNELL, prompt="x", width=256, height=256)
    assert [row["status"] for row in together.requests] == [429, 429, 200]
    together.scenario("busy", times=3, retry_after=0.01)
    with pytest.raises(together_client.RateLimitError):
        pictures.images.generate(model=together.SCHNELL, prompt="x")


def test_togethers_client_is_told_when_nobody_answers(
    pictures: together_client.Together, together: TogetherDouble
) -> None:
    together.refuse()
    once = pictures.with_options(max_retries=0)
    with pytest.raises(together_client.APIConnectionError):
        once.images.generate(model=together.SCHNELL, prompt="x")
