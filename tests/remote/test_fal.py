"""The double of fal.ai keeps fal's contract: keys, queue, storage, models, webhooks."""

from __future__ import annotations

import io
import json
import time

import pytest
from PIL import Image

from . import made
from .asking import archive, ask, end, paint, submit, train, upload
from .ear import is_signed, listening
from .handle import DoubleError, FalDouble

FORBID = {"expiration_duration_seconds": 3600, "initial_acl": {"default": "forbid"}}


def test_a_key_is_asked_for_and_checked(fal: FalDouble) -> None:
    said = ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}, Authorization="Key nobody")
    assert (said.status, list(said.json)) == (401, ["detail"])
    fal.revoke(fal.keys[0])
    assert ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}).status == 401
    second = f"Key {fal.keys[1]}"
    assert ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}, Authorization=second).status == 200


def test_a_request_goes_through_the_queue(fal: FalDouble) -> None:
    run = submit(fal, fal.TRAINER, {"images_data_url": upload(fal, archive())})
    assert (run["status"], run["queue_position"]) == ("IN_QUEUE", 0)
    assert run["status_url"] == f"{fal.address}/{fal.TRAINER}/requests/{run['request_id']}/status"
    assert ask(fal, "GET", run["response_url"]).status == 400
    looks = [ask(fal, "GET", run["status_url"] + "?logs=1") for _ in range(3)]
    assert [(said.status, said.json["status"]) for said in looks] == [
        (202, "IN_QUEUE"),
        (202, "IN_PROGRESS"),
        (200, "COMPLETED"),
    ]
    assert looks[1].json["logs"][0]["level"] == "STDERR"
    assert ask(fal, "GET", run["response_url"]).status == 200
    assert fal.breaches == []


def test_a_training_gives_a_lora_of_flux_of_its_own(fal: FalDouble) -> None:
    first, second = train(fal).json, train(fal).json
    data = [fal.read(each["diffusers_lora_file"]["url"]) for each in (first, second)]
    assert made.fingerprint(data[0]) != made.fingerprint(data[1])
    size = int.from_bytes(data[0][:8], "little")
    header = json.loads(data[0][8 : 8 + size])
    assert header["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"]["shape"] == [16, 3072]
    assert first["diffusers_lora_file"]["file_size"] == len(data[0])


def test_a_picture_has_the_size_and_kind_that_were_asked_for(fal: FalDouble) -> None:
    lora = train(fal).json["diffusers_lora_file"]["url"]
    wish = {"loras": [{"path": lora, "scale": 1.0}], "num_images": 2, "seed": 7, "output_format": "png"}
    said = paint(fal, image_size={"width": 640, "height": 384}, **wish).json
    pictures = [fal.read(each["url"]) for each in said["images"]]
    assert [Image.open(io.BytesIO(each)).size for each in pictures] == [(640, 384)] * 2
    assert pictures[0] != pictures[1]
    assert (said["seed"], said["has_nsfw_concepts"]) == (7, [False, False])
    assert fal.breaches == []


def test_sync_mode_answers_with_the_picture_itself(fal: FalDouble) -> None:
    assert paint(fal, sync_mode=True).json["images"][0]["url"].startswith("data:image/jpeg;base64,")
    assert fal.files("result") == []


@pytest.mark.parametrize(
    "wish, place",
    [
        ({"promt": "x"}, "promt"),
        ({"num_images": "2"}, "num_images"),
        ({"guidance_scale": True}, "guidance_scale"),
        ({"image_size": {"width": 512}}, "image_size"),
        ({"loras": [{"path": "file:///etc/passwd"}]}, "loras"),
        ({"output_format": "webp"}, "output_format"),
    ],
)
def test_a_wrong_field_is_noted_and_refused(fal: FalDouble, wish: dict[str, object], place: str) -> None:
    said = paint(fal, **wish)
    assert said.status == 422
    assert said.json["detail"][0]["loc"] == ["body", place]
    assert place in fal.breaches[0]


def test_a_wrong_header_or_query_is_noted_and_refused(fal: FalDouble) -> None:
    urgent = ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}, X_Fal_Queue_Priority="urgent")
    plain = ask(fal, "POST", f"/{fal.PICTURES}?fal_webhook=http://example.com/", {"prompt": "x"})
    assert (urgent.status, plain.status, len(fal.breaches)) == (422, 422, 2)


def test_an_archive_that_is_none_is_refused_by_the_model(fal: FalDouble) -> None:
    run = submit(fal, fal.TRAINER, {"images_data_url": upload(fal, b"no zip")})
    assert end(fal, run).json["detail"][0]["loc"] == ["body", "images_data_url"]


def test_an_upload_lives_as_long_as_asked_and_is_for_its_owner(fal: FalDouble) -> None:
    url = upload(fal, b"photos", FORBID)
    assert ask(fal, "GET", url).data == b"photos"
    assert ask(fal, "GET", url, Authorization="").status == 403
    fal.advance(3601)
    assert ask(fal, "GET", url).status == 404
    assert [row["expired"] for row in fal.files("upload")] == [True]
    run = submit(fal, fal.TRAINER, {"images_data_url": url})
    assert end(fal, run).json["detail"][0]["type"] == "file_download_error"


def test_an_upload_in_parts_and_one_by_its_address(fal: FalDouble) -> None:
    token = ask(fal, "POST", "/storage/auth/token?storage_type=fal-cdn-v3", {}).json["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    begun = ask(fal, "POST", "/files/upload/multipart", b"", **bearer).json
    parts = f"{begun['access_url']}/multipart/{begun['uploadId']}"
    tags = [ask(fal, "PUT", f"{parts}/{n}", bytes([n]), **bearer).headers["etag"] for n in (1, 2)]
    told = {"parts": [{"partNumber": n, "etag": tag} for n, tag in enumerate(tags, 1)]}
    assert ask(fal, "POST", f"{parts}/complete", told, **bearer).status == 200
    assert fal.read(begun["access_url"]) == b"\1\2"
    name = {"file_name": "a.zip", "content_type": "application/zip"}
    put = ask(fal, "POST", "/storage/upload/initiate?storage_type=gcs", name).json
    assert ask(fal, "PUT", put["upload_url"], b"abc", Authorization="").status == 200
    assert fal.read(put["file_url"]) == b"abc"


def test_a_result_expires_as_the_request_wishes(fal: FalDouble) -> None:
    wish = json.dumps({"expiration_duration_seconds": 60})
    run = submit(fal, fal.PICTURES, {"prompt": "x"}, X_Fal_Object_Lifecycle_Preference=wish)
    url = end(fal, run).json["images"][0]["url"]
    assert ask(fal, "GET", url).status == 200
    fal.advance(61)
    assert ask(fal, "GET", url).status == 404


def test_cancelled_in_the_queue_it_never_runs_and_at_the_end_it_is_too_late(fal: FalDouble) -> None:
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    cancelled = ask(fal, "PUT", run["cancel_url"])
    assert (cancelled.status, cancelled.json) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert ask(fal, "GET", run["status_url"]).json["error_type"] == "client_cancelled"
    again = ask(fal, "PUT", run["cancel_url"])
    assert (again.status, again.json) == (400, {"status": "ALREADY_COMPLETED"})
    assert [row["cancelled"] for row in fal.submitted()] == [True]
    assert ask(fal, "PUT", run["cancel_url"].replace(run["request_id"], "0")).status == 404


def test_a_webhook_is_signed_and_tried_again_until_it_is_answered(fal: FalDouble) -> None:
    with listening() as ear:
        ear.statuses = [500, 503]
        run = submit(fal, fal.PICTURES, {"prompt": "x"}, f"?fal_webhook={ear.address}/hooks/1")
        fal.finish(run["request_id"])
        heard = [ear.next() for _ in range(3)]
    keys = ask(fal, "GET", "/.well-known/jwks.json", Authorization="").json
    assert all(is_signed(each, keys) for each in heard)
    said = json.loads(heard[-1].body)
    assert (said["status"], said["request_id"], said["error"]) == ("OK", run["request_id"], None)
    assert said["gateway_request_id"] == run["gateway_request_id"]
    assert abs(int(heard[0].headers["x-fal-webhook-timestamp"]) - time.time()) < 60


def test_an_https_origin_is_found_on_loopback(fal: FalDouble) -> None:
    with listening() as ear:
        fal.finds("https://studio.example", ear.address)
        run = submit(fal, fal.PICTURES, {"prompt": "x"}, "?fal_webhook=https://studio.example/hooks/1?a=b")
        fal.finish(run["request_id"])
        asked = ear.next()
    assert (asked.path, asked.query, asked.headers["host"]) == ("/hooks/1", {"a": "b"}, "studio.example")


def test_a_double_that_dies_keeps_what_it_has_answered(tmp_path) -> None:
    with FalDouble(state=tmp_path) as fal:
        run = submit(fal, fal.TRAINER, {"images_data_url": upload(fal, archive())})
        fal.kill()
        fal.start()
        lora = end(fal, run).json["diffusers_lora_file"]["url"]
        assert paint(fal, loras=[{"path": lora}]).status == 200
        assert len(fal.submitted(fal.TRAINER)) == 1


def test_an_unknown_scenario_is_refused_with_the_known_ones(fal: FalDouble) -> None:
    with pytest.raises(DoubleError, match="content_policy"):
        fal.scenario("sunshine")
