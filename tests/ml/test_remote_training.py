"""A training at fal's double: what is sent, what comes back, and everything that may go wrong in between."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ml.errors import Away, MLError, Stopped
from ml.lorafile import facts_of
from ml.prompts import TRIGGER
from ml.remote.circuit import FAILURES
from ml.remote.courier import IN_FLIGHT
from ml.remote.training import RULE
from ml.selection import split
from ml.types import Request
from tests.ml.doubles import Said
from tests.ml.remote import Bench, bench, detector, shades, signing  # noqa: F401
from tests.remote import FalDouble, made

TRAINED = ["preparing", "sending", "waiting there", "training", "choosing the best", "finishing", "done"]


@pytest.fixture
def here(fal: FalDouble, signing: Path, detector: Said) -> Bench:  # noqa: F811
    return bench(fal, signing)


def code_of(call: Any) -> str:
    with pytest.raises(MLError) as e:
        call()
    assert e.value.message.endswith(".")
    return e.value.code


def trainings(fal: FalDouble) -> list[dict[str, Any]]:
    return fal.submitted(fal.TRAINER)


# ---------------------------------------------------------------- all is well


def test_a_twin_is_trained_there_and_judged_here(fal: FalDouble, here: Bench) -> None:
    report = here.train()
    assert here.stages == TRAINED
    assert (report.recognised, report.likeness_base, report.checkpoint) == (True, None, 2500)
    assert report.choice == "1 checkpoint, the service offers no others"
    assert sorted(here.store.files) == ["twin/lora.safetensors", "twin/samples/0.png"]
    assert here.journal.said() == {name: ["delivered"] for name in ("training", "scene-0")}
    assert (fal.breaches, len(trainings(fal))) == ([], 1)


def test_photos_go_as_clean_copies_under_random_names_without_those_held_out(
    fal: FalDouble, here: Bench
) -> None:
    photos = shades(8)
    fal.scenario("failed", model=fal.TRAINER)
    assert code_of(lambda: here.train(photos)) == "engine_failed"
    [archive] = fal.files("upload")
    with zipfile.ZipFile(io.BytesIO(fal.read(archive["url"]))) as file:
        sent = {name: file.read(name) for name in file.namelist()}
        assert {row.date_time for row in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    kept, held_out = split(8, 0.2, seed=1)
    pictures = [data for name, data in sent.items() if name.endswith(".jpg")]
    assert sorted(pictures) == sorted(photos[i].clean for i in kept)
    assert not {photos[i].clean for i in held_out} & {*pictures}
    assert {data for name, data in sent.items() if name.endswith(".txt")} == {b"a photo of [trigger] woman"}
    assert all(len(Path(name).stem) == 16 and int(Path(name).stem, 16) >= 0 for name in sent)
    assert (archive["acl"], archive["expires"] - archive["made"]) == ("forbid", 3600)


def test_what_the_trainer_is_asked_for(fal: FalDouble, here: Bench) -> None:
    here.train(steps=900)
    [run] = trainings(fal)
    wish = run["input"] | {"images_data_url": ""}
    assert (wish["trigger_phrase"], wish["steps"], wish["data_archive_format"]) == (TRIGGER, 900, "zip")
    assert run["lifecycle"] == {"expiration_duration_seconds": 86_400}
    assert run["headers"]["x-fal-request-timeout"] == "3000"


def test_the_lora_that_is_kept_has_our_facts_and_the_one_that_is_sent_has_none(
    fal: FalDouble, here: Bench
) -> None:
    report = here.train()
    kept = here.store.read(report.lora)
    facts = facts_of(kept)
    assert {"base", "subject", "rank", "reference", "embedder", "spread", "own"} <= facts.keys()
    assert (facts["base"], facts["subject"], facts["rank"]) == ("fal", "woman", 16)
    [copy] = [row for row in fal.files("upload") if row["name"].endswith(".safetensors")]
    sent = fal.read(copy["url"])
    assert b"reference" not in sent[:20_000]
    assert made.fingerprint(sent) == made.fingerprint(kept)
    assert (copy["acl"], copy["expires"] - copy["made"]) == ("forbid", 3600)


def test_samples_are_signed_pictures_of_the_scenes(here: Bench) -> None:
    report = here.train()
    picture = Image.open(io.BytesIO(here.store.read(report.samples[0])))
    assert (picture.format, picture.size) == ("PNG", (192, 192))
    assert b"c2pa" in here.store.read(report.samples[0])


def test_a_twin_below_the_floor_is_not_recognised(here: Bench) -> None:
    here.engine.base = replace(here.engine.base, floor=1.01)
    report = here.train()
    assert (report.recognised, report.likeness > 0.5) == (False, True)


def test_few_photos_are_refused_before_anything_is_sent(fal: FalDouble, here: Bench) -> None:
    assert code_of(lambda: here.train(shades(3))) == "not_enough_photos"
    assert fal.requests == []


# ---------------------------------------------------------------- a worker dies, another goes on


@pytest.mark.parametrize("stage", TRAINED[2:-1])
def test_whoever_goes_on_sends_nothing_twice(fal: FalDouble, here: Bench, stage: str) -> None:
    here.stop = lambda told: told == stage
    with pytest.raises(Stopped):
        here.train()
    assert not any(run["cancelled"] for run in fal.submitted())
    here.stop = lambda told: False
    assert here.train().recognised
    assert (len(trainings(fal)), len(fal.submitted(fal.PICTURES))) == (1, 1)
    copies = [row for row in fal.files("upload") if row["name"].endswith(".safetensors")]
    assert len(copies) == 1


def test_a_worker_that_died_before_the_answer_goes_on_with_what_a_webhook_named(
    fal: FalDouble, here: Bench
) -> None:
    here.journal.hook = "https://studio.example"
    fal.scenario("answer_lost", model=fal.TRAINER)
    here.journal.telling = lambda request: trainings(fal)[-1]["id"] if here.journal.waits else ""
    assert here.train().recognised
    assert len(trainings(fal)) == 1
    assert here.journal.rows[0].request_id == trainings(fal)[0]["id"]


def test_a_training_whose_answer_was_lost_is_never_sent_again(fal: FalDouble, here: Bench) -> None:
    fal.scenario("answer_lost", model=fal.TRAINER)
    assert code_of(here.train) == "answer_lost"
    here.journal.aged(IN_FLIGHT)
    assert code_of(here.train) == "answer_lost"
    assert (len(trainings(fal)), here.journal.said()["training"]) == (1, ["lost"])


def test_what_another_worker_is_still_sending_is_waited_for(fal: FalDouble, here: Bench) -> None:
    request = here.journal.begin("training", "fal", fal.TRAINER)
    sending = here.engine.fal.submit  # type: ignore[union-attr]
    archive = {"images_data_url": "https://a.example/b.zip"}

    def sent(*_: Any) -> None:
        if here.journal.states[request.reference] == "sending":
            here.journal.sent(sending(request, archive, headers={}))

    here.journal.on_wait = sent
    here.journal.telling = lambda request: here.journal.rows[0].request_id
    fal.scenario("failed", model=fal.TRAINER)
    assert code_of(here.train) == "engine_failed"
    assert len(trainings(fal)) == 1
    here.journal.rows, here.journal.states[request.reference] = [request], "sending"
    here.engine.now = lambda: time.time() + IN_FLIGHT
    assert code_of(here.train) == "answer_lost"


def test_a_result_whose_host_is_away_is_waited_for_as_long_as_it_is_kept(fal: FalDouble, here: Bench) -> None:
    fal.scenario("nginx", at="file", times=6)
    with pytest.raises(Away):
        here.train()
    here.journal.aged(RULE.keep)
    assert code_of(here.train) == "result_gone"
    assert here.journal.said() == {"training": ["delivered"]}


def test_a_lora_that_is_not_wanted_any_more_does_not_go_back(fal: FalDouble, here: Bench) -> None:
    here.stop = lambda stage: stage == "choosing the best"
    with pytest.raises(Stopped):
        here.train()
    assert [row["name"][-4:] for row in fal.files("upload")] == [".zip"]


def test_a_webhook_that_may_name_it_is_awaited_for_half_an_hour(fal: FalDouble, here: Bench) -> None:
    here.journal.hook = "https://studio.example"
    here.engine.now = lambda: time.time() + sum(here.journal.waits)
    fal.scenario("drop", model=fal.TRAINER, at="submit")
    assert code_of(here.train) == "answer_lost"
    assert sum(here.journal.waits) == pytest.approx(1800, abs=1)


# ---------------------------------------------------------------- it fails there


@pytest.mark.parametrize(
    "scenario, code",
    [
        ("failed", "engine_failed"),
        ("content_policy", "result_refused"),
        ("file_download", "engine_failed"),
        ("lost", "request_lost"),
        ("duplicate", "result_bad"),
        ("gone", "result_gone"),
        ("forbidden", "result_gone"),
        ("html", "result_bad"),
        ("pickle", "result_bad"),
        ("redirect", "result_bad"),
        ("private_address", "result_bad"),
        ("huge", "result_bad"),
        ("truncated", "result_bad"),
        ("cut", "result_bad"),
        ("empty", "result_bad"),
        ("wrong_size", "result_bad"),
        ("other_base", "result_bad"),
    ],
)
def test_what_goes_wrong_there_has_a_code_and_is_not_sent_again(
    fal: FalDouble, here: Bench, scenario: str, code: str
) -> None:
    fal.scenario(scenario, model=fal.TRAINER)
    assert code_of(here.train) == code
    assert (len(trainings(fal)), fal.submitted(fal.PICTURES)) == (1, [])
    assert here.store.files == {}
    ends = {"result_refused": "refused", "request_lost": "lost", "engine_failed": "failed"}
    assert here.journal.said() == {"training": [ends.get(code, "delivered")]}  # what was made is billed


def test_a_refusal_may_stand_in_the_status_too(fal: FalDouble, here: Bench) -> None:
    fal.scenario("content_policy", model=fal.TRAINER, told=True)
    assert code_of(here.train) == "result_refused"


def test_what_does_not_end_in_three_hours_is_lost_and_cancelled(fal: FalDouble, here: Bench) -> None:
    fal.pace(hold=True)
    here.stop = lambda stage: stage == "waiting there"
    with pytest.raises(Stopped):
        here.train()
    here.stop = lambda stage: False
    here.journal.aged(3 * 3600 + 1)
    assert code_of(here.train) == "request_lost"
    assert trainings(fal)[0]["cancelled"]


# ---------------------------------------------------------------- it is not taken


@pytest.mark.parametrize(
    "scenario, code",
    [
        ("unpaid", "engine_unpaid"),
        ("model_gone", "engine_model_gone"),
        ("away", "engine_away"),
        ("timeout", "answer_lost"),
        ("server_error", "answer_lost"),
        ("nginx", "answer_lost"),
        ("drop", "answer_lost"),
        ("html_answer", "answer_lost"),
        ("nan_answer", "answer_lost"),
        ("huge_answer", "answer_lost"),
    ],
)
def test_answers_to_a_submit(fal: FalDouble, here: Bench, scenario: str, code: str) -> None:
    """Whatever leaves it open whether the training runs counts as an answer that was lost."""
    fal.scenario(scenario, model=fal.TRAINER, at="submit")
    assert code_of(here.train) == code
    posts = [row for row in fal.requests if row["path"] == f"/{fal.TRAINER}"]
    assert len(posts) == 1


def test_a_refused_key_is_reported_and_the_next_one_is_used(fal: FalDouble, here: Bench) -> None:
    told: list[tuple[str, ...]] = []
    here.engine.fal.keys.on_refused = lambda *said: told.append(said)  # type: ignore[union-attr]
    fal.revoke(fal.keys[0])
    assert here.train().recognised
    assert [(service, reason) for service, _, reason in told] == [("fal", "HTTP 401")]
    assert fal.keys[0] not in str(told)
    fal.revoke(fal.keys[1])
    assert code_of(here.render) == "engine_key_refused"
    assert code_of(here.render) == "engine_key_refused"
    assert len(told) == 2


def test_a_key_that_is_refused_at_the_end_loses_no_training(fal: FalDouble, here: Bench) -> None:
    here.engine.fal.keys.now = lambda: 1000.0 * len(here.journal.waits)  # type: ignore[union-attr]
    fal.scenario("bad_key", at="result", times=len(fal.keys))
    assert here.train().recognised
    assert fal.waiting == []


def test_too_many_requests_are_waited_for_as_told_but_no_longer_than_a_minute(
    fal: FalDouble, here: Bench
) -> None:
    fal.scenario("busy", model=fal.TRAINER, at="submit", retry_after=0.05)
    assert here.train().recognised
    assert here.journal.said()["training"] == ["failed", "delivered"]
    fal.scenario("busy", model=fal.PICTURES, at="submit", retry_after=90)
    assert code_of(here.render) == "engine_busy"


def test_a_service_that_cannot_be_reached_loses_nothing(fal: FalDouble, here: Bench) -> None:
    fal.refuse()
    with pytest.raises(Away):
        here.train()
    fal.listen()
    assert here.train().recognised
    assert len(trainings(fal)) == 1


def test_no_photo_goes_to_a_service_whose_circuit_is_open(fal: FalDouble, here: Bench) -> None:
    for _ in range(FAILURES):
        here.engine.circuit.failed("fal")
    with pytest.raises(Away):
        here.train()
    assert fal.requests == []


def test_a_service_that_goes_away_meanwhile_is_waited_for(fal: FalDouble, here: Bench) -> None:
    def wait(request: Request, seconds: float) -> None:
        fal.refuse() if len(here.journal.waits) == 1 else fal.listen()

    here.journal.on_wait = wait
    assert here.train().recognised


def test_after_some_failures_new_work_waits_without_asking(fal: FalDouble, here: Bench) -> None:
    fal.refuse()
    for _ in range(5):
        with pytest.raises(Away):
            here.render()
    fal.listen()
    with pytest.raises(Away):
        here.render()
    assert fal.requests == []


# ---------------------------------------------------------------- the scenes


def test_a_scene_that_is_refused_is_left_out(fal: FalDouble, here: Bench) -> None:
    here.engine.base = replace(here.engine.base, recipe=replace(here.engine.base.recipe, prompts=2))
    fal.scenario("nsfw", model=fal.PICTURES)
    report = here.train()
    assert (report.recognised, len(report.samples)) == (True, 1)


def test_a_training_that_no_picture_shows_fails(fal: FalDouble, here: Bench) -> None:
    fal.scenario("nsfw", model=fal.PICTURES)
    assert code_of(here.train) == "result_refused"


def test_the_file_of_requests_holds_nothing_of_the_photos(here: Bench) -> None:
    here.train()
    text = json.dumps([row.__dict__ for row in here.journal.rows])
    assert not any(photo.id in text for photo in shades())
