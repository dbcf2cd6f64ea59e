"""Clips from fal's double: what is sent, what is tried again, and what cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import clips, media
from ml.animation import AnimateSpec, Clip
from ml.provenance import known_certificates, verify
from ml.types import RenderSpec
from tests.ml.doubles import Said
from tests.ml.remote import Bench, bench, detector, shades, signing  # noqa: F401
from tests.ml.test_remote_training import code_of
from tests.remote import FalDouble

PICTURE = "items/1/content.png"


@pytest.fixture
def here(fal: FalDouble, signing: Path, detector: Said) -> Bench:  # noqa: F811
    made = bench(fal, signing)
    photo = media.to_array(shades(1)[0].clean)
    made.store.write(PICTURE, media.encode_png(photo))
    return made


def animate(here: Bench, **more: Any) -> Clip:
    spec = AnimateSpec(RenderSpec("", reference=PICTURE), **{"motion": "nod", "seed": 5, **more})
    return here.engine.animate(spec, store=here.store, on_progress=here.tell, journal=here.journal)


def test_a_picture_goes_there_and_comes_back_as_a_clip_of_ours(
    fal: FalDouble,
    here: Bench,
    signing: Path,  # noqa: F811
) -> None:
    made = animate(here, seconds=4)
    assert (made.engine, made.frames, made.seconds, made.tries) == ("fal", 96, 4.0, 1)
    assert (made.width, made.height, made.holds) == (256, 256, 1.0)
    said = verify(made.mp4, certificates=known_certificates(signing))
    assert (said.ours, said.kind, said.ident) == (True, "edited", made.mark)
    first = next(clips.decode(made.mp4)).astype(int)
    assert np.abs(first - media.to_array(here.store.read(PICTURE))).mean() < 4  # it begins with the picture
    (run,) = fal.submitted(fal.CLIPS)
    wish = run["input"]
    assert (wish["num_frames"], wish["frames_per_second"], wish["seed"]) == (97, 24, 5)
    assert wish["prompt"].startswith("The person nods twice.")
    (sent,) = fal.files("upload")
    assert (sent["acl"], sent["kind"]) == ("forbid", "image/jpeg")
    assert here.journal.said() == {"clip-5": ["delivered"]}
    assert here.stages == ["sending", "waiting there", "animating", "checking", "done"]
    assert fal.breaches == []


class Killed(BaseException):
    """Ends the worker, as SIGKILL does."""


def test_a_worker_that_is_killed_while_it_waits_goes_on_with_the_same_clip(
    fal: FalDouble, here: Bench
) -> None:
    spec = AnimateSpec(RenderSpec("", reference=PICTURE), motion="nod", seed=5)

    def die(stage: str, share: float) -> bool:
        if stage == "animating":
            raise Killed
        return False

    with pytest.raises(Killed):
        here.engine.animate(spec, store=here.store, on_progress=die, journal=here.journal)
    assert animate(here).frames == 72
    assert len(fal.submitted(fal.CLIPS)) == 1  # it is paid once there
    assert here.journal.said() == {"clip-5": ["delivered"]}


def test_from_words_the_most_alike_of_three_pictures_goes_there(fal: FalDouble, here: Bench) -> None:
    sides = dict.fromkeys(here.engine.base.sizes.by_aspect, (256, 256))
    here.engine.base = replace(here.engine.base, sizes=replace(here.engine.base.sizes, by_aspect=sides))
    spec = AnimateSpec(RenderSpec("in a park", seed=7), action="she waves", seed=7)
    made = here.engine.animate(spec, store=here.store, on_progress=here.tell, journal=here.journal)
    assert made.frames == 72
    states = here.journal.said()
    assert list(states) == ["picture-7", "picture-8", "picture-9", "clip-7"]
    assert fal.submitted(fal.CLIPS)[0]["input"]["prompt"].startswith("she waves. in a park.")


def test_a_clip_that_flickers_is_made_once_more_and_then_refused(fal: FalDouble, here: Bench) -> None:
    fal.scenario("flickers", model=fal.CLIPS, times=2)
    assert code_of(lambda: animate(here)) == "unsteady"
    assert here.journal.said() == {"clip-5": ["delivered"], "clip-6": ["delivered"]}


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("content_policy", "result_refused"), ("html", "result_bad"), ("private_address", "result_bad")],
)
def test_what_goes_wrong_with_a_clip(fal: FalDouble, here: Bench, scenario: str, code: str) -> None:
    fal.scenario(scenario, model=fal.CLIPS)
    assert code_of(lambda: animate(here)) == code


def test_a_picture_that_cannot_move_is_not_sent(fal: FalDouble, here: Bench) -> None:
    faces = here.engine.desk.faces
    for faces.widths, code in (([0.4, 0.4], "several_faces"), ([], "no_face")):
        assert code_of(lambda: animate(here)) == code
    assert code_of(lambda: animate(here, motion="fly")) == "motion_unknown"
    here.store.delete(PICTURE)
    assert code_of(lambda: animate(here)) == "reference_gone"
    assert fal.requests == []


def test_a_clip_that_is_too_short_is_of_no_use(fal: FalDouble, here: Bench) -> None:
    fal.scenario("short", model=fal.CLIPS)
    assert code_of(lambda: animate(here)) == "result_bad"
