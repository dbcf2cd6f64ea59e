"""The last steps for every result of every engine: screen, likeness, watermark, signature."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bench.watermark import draw_portrait
from ml import provenance, safety
from ml.errors import MLError
from ml.finish import finish
from ml.likeness import likeness
from ml.nets.scales import DRAWN
from ml.provenance import Signer
from ml.safety import PictureVerdict
from ml.types import Picture
from tests.ml.doubles import CentredFaces, Said

PICTURE = draw_portrait(7, 192, 256)  # white noise would drown the watermark of every third number


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.open(tmp_path_factory.mktemp("keys"))


def finished(signer: Signer, twin: dict[str, Any]) -> Picture | None:
    return finish(
        PICTURE,
        prompt="in a park",
        seed=7,
        twin=twin,
        start=time.monotonic(),
        engine="elsewhere",
        faces=CentredFaces(),
        signer=signer,
    )


@pytest.fixture(autouse=True)
def detector() -> Iterator[Said]:
    said = Said()
    safety.use_detector(said)
    yield said
    safety.use_detector(safety.Detector(safety.detector_command()))


def test_it_is_marked_and_signed_in_its_engines_name(signer: Signer) -> None:
    made = finished(signer, {})
    assert made
    found = provenance.verify(made.png, certificates=signer.certificates)
    assert (found.signed, found.ident, found.engine) == (True, made.mark, "elsewhere")
    assert (made.width, made.height, made.seed) == (192, 256, 7)


def test_what_may_not_be_shown_is_not_delivered(signer: Signer, detector: Said) -> None:
    detector.verdict = PictureVerdict(False, 0.9, "nude", "test")
    assert finished(signer, {}) is None


def test_nothing_unchecked_is_delivered(signer: Signer, detector: Said) -> None:
    detector.verdict = PictureVerdict(False, 1.0, "unavailable", "none")
    with pytest.raises(MLError) as e:
        finished(signer, {})
    assert e.value.code == "screening_unavailable"


def twin_of(embedder: str = DRAWN, **facts: Any) -> dict[str, Any]:
    """The facts of a twin whose only photo is PICTURE."""
    own = CentredFaces().describe(PICTURE)[0].vector
    return {"embedder": embedder, "reference": own.tolist(), "spread": 0.0} | facts


def test_likeness_is_told_by_the_embedder_that_the_twin_names(signer: Signer) -> None:
    assert likeness_to(signer, twin_of()) == pytest.approx(1.0, abs=1e-3)
    assert likeness_to(signer, twin_of("another")) is None


def test_no_picture_is_more_like_the_person_than_two_photos_are(signer: Signer) -> None:
    assert likeness_to(signer, twin_of(own=0.87)) == 0.87


def test_a_twin_of_before_the_spread_was_stored_has_a_likeness(signer: Signer) -> None:
    old = twin_of()
    del old["spread"]
    assert likeness_to(signer, old) == pytest.approx(1.0, abs=1e-3)


def test_a_face_without_detail_is_like_nobody() -> None:
    assert likeness(np.full_like(PICTURE, 128), twin_of(), CentredFaces()) is None


def test_a_picture_of_an_avatar_has_no_likeness_to_the_person(signer: Signer) -> None:
    made = finished(signer, twin_of(avatar={"notes": []}))
    assert made
    assert (made.likeness, made.avatar_shown) == (None, pytest.approx(1.0, abs=1e-3))


def likeness_to(signer: Signer, twin: dict[str, Any]) -> float | None:
    made = finished(signer, twin)
    assert made
    return made.likeness
