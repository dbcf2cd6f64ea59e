"""Each scenario of the double of fal.ai, seen through plain HTTP."""

from __future__ import annotations

import http.client
import json
import math

import pytest

from .asking import ask, end, paint, submit, train, until
from .ear import is_signed, listening
from .handle import FalDouble
from .server import Asked
from .shelf import FIVE_GIGABYTES, METADATA_SERVICE

BROKEN = (http.client.HTTPException, ConnectionError)


def lora_of(fal: FalDouble, scenario: str) -> str:
    """The address of the LoRA of a training that suffers this."""
    fal.scenario(scenario, model=fal.TRAINER)
    return train(fal).json["diffusers_lora_file"]["url"]


def test_a_slow_queue_tells_the_position(fal: FalDouble) -> None:
    fal.scenario("slow_queue", positions=3)
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    said = [ask(fal, "GET", run["status_url"]).json for _ in range(6)]
    assert [each.get("queue_position", each["status"]) for each in said] == [
        2,
        1,
        0,
        "IN_PROGRESS",
        "IN_PROGRESS",
        "COMPLETED",
    ]


def test_a_failed_run_is_completed_with_an_error(fal: FalDouble) -> None:
    fal.scenario("failed", error_type="runner_disconnected")
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    said = end(fal, run)
    assert (said.status, said.headers["x-fal-error-type"]) == (503, "runner_disconnected")
    assert ask(fal, "GET", run["status_url"]).json["error_type"] == "runner_disconnected"


@pytest.mark.parametrize("told", [False, True])
def test_refused_content_is_a_422_with_its_type(fal: FalDouble, told: bool) -> None:
    fal.scenario("content_policy", told=told)
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    said = end(fal, run)
    assert (said.status, said.json["detail"][0]["type"]) == (422, "content_policy_violation")
    assert ("error" in ask(fal, "GET", run["status_url"]).json) is told


def test_a_flagged_picture_is_black_and_answered_200(fal: FalDouble) -> None:
    fal.scenario("nsfw")
    said = paint(fal)
    assert (said.status, said.json["has_nsfw_concepts"]) == (200, [True])
    assert len(fal.read(said.json["images"][0]["url"])) < 10_000


def test_a_lost_webhook_leaves_the_result(fal: FalDouble) -> None:
    with listening() as ear:
        fal.scenario("webhook_lost")
        run = submit(fal, fal.PICTURES, {"prompt": "x"}, f"?fal_webhook={ear.address}/")
        assert end(fal, run).status == 200
        assert (fal.webhooks, ear.heard.empty()) == ([], True)


def heard(fal: FalDouble, scenario: str, count: int = 1) -> list[Asked]:
    """The webhooks of a request that suffers this."""
    with listening() as ear:
        fal.scenario(scenario)
        run = submit(fal, fal.PICTURES, {"prompt": "x"}, f"?fal_webhook={ear.address}/")
        fal.finish(run["request_id"])
        return [ear.next() for _ in range(count)]


def keys(fal: FalDouble) -> dict[str, list[dict[str, str]]]:
    return ask(fal, "GET", "/.well-known/jwks.json").json


def test_a_webhook_comes_twice(fal: FalDouble) -> None:
    first, second = heard(fal, "webhook_twice", 2)
    assert first.body == second.body


def test_a_webhook_comes_before_the_answer_to_the_submit(fal: FalDouble) -> None:
    with listening() as ear:
        fal.scenario("webhook_early")
        run = submit(fal, fal.PICTURES, {"prompt": "x"}, f"?fal_webhook={ear.address}/")
        assert not ear.heard.empty()
        assert json.loads(ear.next().body)["request_id"] == run["request_id"]


def test_a_forged_webhook_fits_no_key_and_a_stale_one_is_old(fal: FalDouble) -> None:
    (forged,), (stale,) = heard(fal, "webhook_forged"), heard(fal, "webhook_stale")
    assert (is_signed(forged, keys(fal)), is_signed(stale, keys(fal))) == (False, True)
    now = fal.seen()["now"]
    assert now - int(stale.headers["x-fal-webhook-timestamp"]) > 300


def test_a_huge_webhook_has_ten_megabytes(fal: FalDouble) -> None:
    assert len(heard(fal, "webhook_huge")[0].body) > 10_000_000


def test_a_new_key_signs_after_a_rotation(fal: FalDouble) -> None:
    before = keys(fal)
    fal.rotate()
    (asked,) = heard(fal, "slow_queue")
    assert (is_signed(asked, before), is_signed(asked, keys(fal)), len(keys(fal)["keys"])) == (False, True, 2)


def test_a_clock_an_hour_off_shows_in_webhooks_and_dates(fal: FalDouble) -> None:
    fal.advance(3600)
    (asked,) = heard(fal, "slow_queue")
    assert int(asked.headers["x-fal-webhook-timestamp"]) > fal.seen()["now"] - 60
    fal.advance(-3600)
    assert fal.seen()["now"] < int(asked.headers["x-fal-webhook-timestamp"]) - 3000


@pytest.mark.parametrize(
    "name, status",
    [
        ("bad_key", 401),
        ("unpaid", 403),
        ("model_gone", 404),
        ("server_error", 500),
        ("away", 503),
        ("nginx", 502),
    ],
)
def test_one_answer_is_an_error_and_the_next_is_right(fal: FalDouble, name: str, status: int) -> None:
    fal.scenario(name)
    assert ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}).status == status
    assert ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}).status == 200
    assert len(fal.submitted()) == 1


def test_too_many_requests_then_success(fal: FalDouble) -> None:
    fal.scenario("busy", times=2, retry_after=2)
    said = [ask(fal, "POST", f"/{fal.PICTURES}", {"prompt": "x"}) for _ in range(3)]
    assert [each.status for each in said] == [429, 429, 200]
    assert said[0].headers["retry-after"] == "2"


def test_a_fault_may_meet_any_step(fal: FalDouble) -> None:
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    fal.scenario("away", at="status")
    fal.scenario("nan_answer", at="status")
    fal.scenario("html_answer", at="result")
    assert ask(fal, "GET", run["status_url"]).status == 503
    assert math.isnan(ask(fal, "GET", run["status_url"]).json["request_id"])
    assert end(fal, run).data.startswith(b"<html>")


def test_an_answer_gets_lost_and_the_webhook_names_the_request(fal: FalDouble) -> None:
    with listening() as ear:
        fal.scenario("answer_lost")
        with pytest.raises(BROKEN):
            submit(fal, fal.PICTURES, {"prompt": "x"}, f"?fal_webhook={ear.address}/hooks/7")
        asked = ear.next()
    assert json.loads(asked.body)["request_id"] == fal.submitted()[0]["id"]
    assert asked.path == "/hooks/7"


def test_a_lost_request_is_not_known_any_more(fal: FalDouble) -> None:
    fal.scenario("lost")
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    assert [ask(fal, "GET", run["status_url"]).status for _ in range(2)] == [202, 404]
    assert ask(fal, "GET", run["response_url"]).status == 404
    assert ask(fal, "PUT", run["cancel_url"]).status == 404


def test_a_cancel_comes_too_late_or_is_not_heard(fal: FalDouble) -> None:
    fal.scenario("cancel_race")
    fal.scenario("cancel_ignored")
    late, unheard = (submit(fal, fal.PICTURES, {"prompt": "x"}) for _ in range(2))
    assert [ask(fal, "PUT", run["cancel_url"]).status for run in (late, unheard)] == [400, 202]
    assert [end(fal, run).status for run in (late, unheard)] == [200, 200]


def test_a_result_that_has_expired_is_gone(fal: FalDouble) -> None:
    assert ask(fal, "GET", lora_of(fal, "gone")).status == 404
    url = train(fal).json["diffusers_lora_file"]["url"]
    fal.advance(8 * 86400)
    assert ask(fal, "GET", url).status == 404


def test_a_lora_is_another_thing_than_promised(fal: FalDouble) -> None:
    assert ask(fal, "GET", lora_of(fal, "html")).data.startswith(b"<!doctype html>")
    assert ask(fal, "GET", lora_of(fal, "pickle")).data.startswith(b"cos")
    assert ask(fal, "GET", lora_of(fal, "empty")).data == b""
    header = ask(fal, "GET", lora_of(fal, "other_base")).data[8:2000]
    assert b"[16,2560]" in header
    redirect = ask(fal, "GET", lora_of(fal, "redirect"))
    assert (redirect.status, redirect.headers["location"]) == (302, METADATA_SERVICE)
    assert lora_of(fal, "private_address") == METADATA_SERVICE


def test_a_lora_is_cut_or_of_another_size_than_told(fal: FalDouble) -> None:
    fal.scenario("truncated", model=fal.TRAINER)
    row = train(fal).json["diffusers_lora_file"]
    assert len(ask(fal, "GET", row["url"]).data) == row["file_size"] // 2
    with pytest.raises(http.client.IncompleteRead):
        ask(fal, "GET", lora_of(fal, "cut"))
    assert ask(fal, "HEAD", lora_of(fal, "huge")).headers["content-length"] == str(FIVE_GIGABYTES)
    fal.scenario("wrong_size", model=fal.TRAINER)
    row = train(fal).json["diffusers_lora_file"]
    assert len(ask(fal, "GET", row["url"]).data) != row["file_size"]


def test_a_result_is_no_strict_json(fal: FalDouble) -> None:
    fal.scenario("nan")
    assert b"NaN" in paint(fal).data
    fal.scenario("duplicate")
    assert paint(fal).data.count(b'"images"') == 2


def test_a_picture_says_it_is_enormous(fal: FalDouble) -> None:
    fal.scenario("bomb")
    assert fal.read(paint(fal).json["images"][0]["url"])[16:20] == (30_000).to_bytes(4, "big")


def test_connections_are_refused_until_it_listens_again(fal: FalDouble) -> None:
    run = submit(fal, fal.PICTURES, {"prompt": "x"})
    fal.refuse()
    with pytest.raises(ConnectionRefusedError):
        ask(fal, "GET", run["status_url"])
    fal.listen()
    assert end(fal, run).status == 200


def test_a_scenario_waits_for_its_model(fal: FalDouble) -> None:
    fal.scenario("unpaid", model=fal.TRAINER)
    assert paint(fal).status == 200
    assert fal.waiting == ["unpaid"]


def test_a_submit_that_is_never_answered_has_not_arrived(fal: FalDouble) -> None:
    fal.scenario("drop")
    with pytest.raises(BROKEN):
        submit(fal, fal.PICTURES, {"prompt": "x"})
    assert until(lambda: fal.requests)[0]["status"] == 0
    assert fal.submitted() == []
