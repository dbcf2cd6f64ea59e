"""Pictures from fal's double and from Together's, of a twin and without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import media
from ml.errors import Away, MLError, Stopped
from ml.likeness import facts_of
from ml.remote import lora
from ml.remote.desk import decoded
from ml.remote.fal import Fal
from ml.remote.settings import Remote
from ml.types import Picture, RenderSpec
from tests.ml.doubles import Said
from tests.ml.remote import Bench, bench, detector, signing  # noqa: F401
from tests.ml.test_remote_training import code_of
from tests.remote import FalDouble, TogetherDouble, made

FACES = facts_of(np.eye(4, dtype=np.float32), "drawn-contrast-1")


@pytest.fixture
def here(fal: FalDouble, signing: Path, detector: Said) -> Bench:  # noqa: F811
    return with_twin(bench(fal, signing), "fal")


@pytest.fixture
def there(together: TogetherDouble, signing: Path, detector: Said) -> Bench:  # noqa: F811
    return with_twin(bench(together, signing, lora_model=together.LORA_MODEL), "flux-schnell")


def with_twin(there: Bench, base: str) -> Bench:
    facts = {"base": base, "subject": "woman", **FACES}
    there.store.write("twin/lora.safetensors", lora.with_facts(made.lora(b"somebody"), facts))
    return there


TWIN = {"lora": "twin/lora.safetensors"}


# ---------------------------------------------------------------- fal


def test_their_queue_tells_how_many_are_before(fal: FalDouble, here: Bench) -> None:
    fal.scenario("slow_queue", positions=3)
    here.render()
    places = [stage for stage in here.stages if stage.startswith("waiting there")]
    assert places == ["waiting there 3", "waiting there 2", "waiting there"]


def test_pictures_of_a_twin_come_one_by_one_and_are_finished_here(fal: FalDouble, here: Bench) -> None:
    pictures = here.render(**TWIN, count=2, style="noir", prompt="in a (park:1.2)")
    assert [(p.seed, p.width, p.engine, p.likeness is not None) for p in pictures] == [
        (7, 192, "fal", True),
        (8, 192, "fal", True),
    ]
    assert here.stages == ["sending", "waiting there", "rendering", "finishing", "done"]
    wish = fal.submitted()[0]["input"]
    assert (wish["prompt"], wish["num_inference_steps"]) == ("film noir of ohwx woman, in a park", 28)
    assert (wish["image_size"], wish["seed"], wish["output_format"]) == (
        {"width": 192, "height": 192},
        7,
        "png",
    )
    assert fal.breaches == []


def test_all_pictures_of_a_job_are_asked_for_before_the_first_is_waited_for(
    fal: FalDouble, here: Bench
) -> None:
    fal.pace(hold=True)
    here.journal.on_wait = lambda request, seconds: fal.finish() if len(fal.submitted()) == 3 else None
    assert len(here.render(count=3)) == 3


def test_the_lora_is_sent_once_for_many_jobs(fal: FalDouble, here: Bench) -> None:
    here.render(**TWIN)
    here.render(**TWIN, seed=20)
    assert len(fal.files("upload")) == 1
    assert [len(run["input"]["loras"]) for run in fal.submitted()] == [1, 1]


def test_a_prompt_that_is_refused_is_not_sent(fal: FalDouble, here: Bench) -> None:
    assert code_of(lambda: here.render(prompt="a nude in a park")) == "prompt_refused"
    assert fal.requests == []


def test_a_twin_of_another_base_is_not_sent(fal: FalDouble, here: Bench) -> None:
    with_twin(here, "flux-schnell")
    assert code_of(lambda: here.render(**TWIN)) == "lora_other_base"
    assert code_of(lambda: here.render(lora="nothing")) == "lora_missing"
    assert code_of(lambda: here.render(**TWIN, sha256="0" * 64)) == "lora_broken"
    assert fal.requests == []


def test_a_black_picture_with_a_flag_is_refused_and_the_others_are_delivered(
    fal: FalDouble, here: Bench
) -> None:
    fal.scenario("nsfw")
    delivered: list[Picture] = []
    made_there = here.engine.render(
        spec(count=2), store=here.store, on_progress=here.tell, journal=here.journal
    )
    with pytest.raises(MLError, match="1 of 2 pictures may not be shown") as e:
        delivered.extend(made_there)
    assert e.value.code == "result_refused"
    assert here.journal.said() == {"picture-7": ["refused"], "picture-8": ["delivered"]}


def spec(**more: Any) -> RenderSpec:
    return RenderSpec(**{"prompt": "in a park", "seed": 7, **more})


@pytest.mark.parametrize(
    "scenario, code",
    [
        ("content_policy", "result_refused"),
        ("failed", "engine_failed"),
        ("lost", "request_lost"),
        ("nan", "result_bad"),
        ("bomb", "result_bad"),
        ("html", "result_bad"),
        ("private_address", "result_bad"),
        ("gone", "result_gone"),
    ],
)
def test_what_goes_wrong_with_a_picture(fal: FalDouble, here: Bench, scenario: str, code: str) -> None:
    fal.scenario(scenario)
    assert code_of(here.render) == code
    assert len(fal.submitted()) == 1


def test_a_picture_whose_answer_was_lost_is_written_off_and_painted_anew(fal: FalDouble, here: Bench) -> None:
    fal.scenario("answer_lost")
    assert len(here.render()) == 1
    assert here.journal.said() == {"picture-7": ["written_off", "delivered"]}
    assert len(fal.submitted()) == 2


def test_it_is_painted_anew_once_and_then_waits(fal: FalDouble, here: Bench) -> None:
    fal.scenario("drop", at="submit", times=2)
    with pytest.raises(Away):
        here.render()
    assert here.journal.said() == {"picture-7": ["written_off", "written_off"]}


def test_when_no_money_is_left_nothing_more_is_asked_for(fal: FalDouble, here: Bench) -> None:
    fal.scenario("unpaid", at="submit", times=4)
    assert code_of(lambda: here.render(count=4)) == "engine_unpaid"
    assert len(fal.waiting) == 1


def test_a_run_that_moves_to_another_worker_cancels_nothing(fal: FalDouble, here: Bench) -> None:
    here.stop = lambda stage: stage == "rendering"
    with pytest.raises(Stopped):
        here.render(count=2)
    here.stop = lambda stage: False
    assert len(here.render(count=2)) == 2
    assert [run["cancelled"] for run in fal.submitted()] == [False, False]


def test_a_request_that_ended_is_fetched_again_by_whoever_goes_on(fal: FalDouble, here: Bench) -> None:
    first, again = here.render()[0], here.render()[0]
    assert first.mark != again.mark
    assert len(fal.submitted()) == 1


def test_a_picture_that_is_gone_there_says_so(fal: FalDouble, here: Bench) -> None:
    here.render()
    fal.advance(3601)
    assert code_of(here.render) == "result_gone"


# ---------------------------------------------------------------- Together


def test_a_picture_without_a_twin(together: TogetherDouble, there: Bench) -> None:
    [picture] = there.render(quality="high")
    assert (picture.width, picture.engine, picture.likeness) == (192, "together", None)
    [wish] = together.generated()
    assert (wish["model"], wish["prompt"], wish["steps"]) == (
        together.SCHNELL,
        "photo of a person, in a park",
        8,
    )
    assert (together.breaches, there.journal.said()) == ([], {"picture-7": ["delivered"]})


def test_a_twin_of_ours_that_lies_at_an_address(
    together: TogetherDouble, fal: FalDouble, there: Bench
) -> None:
    data = lora.without_facts(there.store.read(TWIN["lora"]))
    there.journal.copies["together", TWIN["lora"]] = published(fal, data)
    assert there.render(**TWIN)[0].likeness is not None
    [wish] = together.generated(together.LORA_MODEL)
    assert wish["prompt"] == "photo of ohwx woman, in a park"


def published(fal: FalDouble, data: bytes) -> str:
    """An address on loopback where the file can be read."""
    client = Fal(Remote("fal", tuple(fal.keys), fal.address))
    return client.upload(data, mime="application/octet-stream", name="x", seconds=60, acl="")


def test_a_twin_that_it_cannot_read_is_not_asked_for(together: TogetherDouble, there: Bench) -> None:
    assert code_of(lambda: there.render(**TWIN)) == "engine_without_lora"
    assert code_of(there.train) == "engine_trains_none"
    assert together.requests == []


@pytest.mark.parametrize(
    "scenario, code",
    [
        ("unpaid", "engine_unpaid"),
        ("model_gone", "engine_model_gone"),
        ("model_deprecated", "engine_model_gone"),
        ("content_policy", "result_refused"),
        ("html_answer", "result_bad"),
        ("nan_answer", "result_bad"),
    ],
)
def test_what_together_says_in_our_codes(
    together: TogetherDouble, there: Bench, scenario: str, code: str
) -> None:
    together.scenario(scenario, at="submit")
    assert code_of(there.render) == code


@pytest.mark.parametrize(
    "scenario, code", [("black", "result_refused"), ("bomb", "result_bad"), ("nan", "result_bad")]
)
def test_what_together_makes_is_checked(
    together: TogetherDouble, there: Bench, scenario: str, code: str
) -> None:
    together.scenario(scenario)
    assert code_of(there.render) == code


@pytest.mark.parametrize("scenario", ["busy", "away"])
def test_together_is_asked_again_when_it_is_full(
    together: TogetherDouble, there: Bench, scenario: str
) -> None:
    together.scenario(scenario, at="submit", times=2, retry_after=0.01)
    assert len(there.render()) == 1


def test_an_answer_of_together_that_was_lost_is_asked_for_anew(
    together: TogetherDouble, there: Bench
) -> None:
    together.scenario("answer_lost")
    assert len(there.render()) == 1
    assert there.journal.said() == {"picture-7": ["written_off", "delivered"]}
    there.render()
    assert there.journal.said()["picture-7"] == ["written_off", "written_off", "delivered"]


def test_a_refused_key_of_together_is_passed_over(together: TogetherDouble, there: Bench) -> None:
    together.revoke(together.keys[0])
    assert len(there.render()) == 1
    assert "key-one" not in json.dumps(there.journal.said())
    together.refuse()
    with pytest.raises(Away):
        there.render(seed=50)


# ---------------------------------------------------------------- black pictures


@pytest.mark.parametrize(
    "level, spread, black", [(0, 0, True), (6, 1, True), (120, 0, False), (10, 30, False)]
)
def test_only_what_is_dark_and_without_detail_is_black(level: int, spread: int, black: bool) -> None:
    checks = np.indices((256, 256)).sum(0) % 2 * spread
    picture = media.encode_png(np.repeat((level + checks)[..., None], 3, 2).astype(np.uint8))
    if black:
        assert code_of(lambda: decoded(picture)) == "result_refused"
    else:
        assert decoded(picture).shape == (256, 256, 3)


def test_another_twin_in_the_place_of_one_is_sent_anew(fal: FalDouble, here: Bench) -> None:
    """On the command line both may be called lora.safetensors."""
    fal.pace(polls=0)
    here.render(**TWIN, own=True)
    here.store.write(TWIN["lora"], lora.with_facts(made.lora(b"another"), {"base": "fal", **FACES}))
    here.render(**TWIN, own=True)
    assert len({run["input"]["loras"][0]["path"] for run in fal.submitted()}) == 2
    here.render(**TWIN, own=True, prompt="on a beach")
    assert len(fal.files("upload")) == 2
