"""What a photo's verdict says to its owner, and a mirrored copy on its way through the vault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from config.studio import use_judge
from ml.drawn.people import Scene, random_person
from ml.drawn.portraits import draw
from ml.judge import Judge
from ml.media import encode_jpeg
from ml.nets.scales import DRAWN
from ml.safety import PictureVerdict
from tests.ml.doubles import CentredFaces, OneEmbedder
from tests.twins.test_twins import send
from twins import checks
from twins.models import Photo
from twins.serializers import show_photo

pytestmark = pytest.mark.django_db


def test_the_sentence_names_the_hidden_part_and_a_hint_refuses_nothing() -> None:
    refused = Photo(code="face_hidden", accepted=False, hints=["people_behind", "mouth_hidden"])
    assert "mouth" in str(show_photo(refused)["detail"])
    refused.hints.append("nose_hidden")
    assert show_photo(refused)["detail"] == str(checks.SENTENCES["face_hidden"])
    accepted = Photo(accepted=True, status="succeeded", hints=["smiling", "eyes_hidden"])
    assert str(show_photo(accepted)["detail"]).startswith("Partly hidden?")
    accepted.hints = ["smiling"]
    assert show_photo(accepted)["detail"] is None


def test_a_mirrored_copy_is_a_duplicate_and_no_second_angle(
    as_alice: Any, twin: Any, judge: Any, work: Callable[[], int]
) -> None:
    faces = CentredFaces()
    faces.embedders = OneEmbedder(DRAWN, lambda picture, face: np.full(128, 0.1))  # type: ignore[assignment]
    faces.screen = lambda picture: PictureVerdict(True, 0.0, "", "test")
    use_judge(Judge(faces=faces))
    portrait = draw(random_person(np.random.default_rng(3)), Scene(), 640, 640)
    for picture in (portrait, portrait[:, ::-1]):
        send(as_alice, twin.id, encode_jpeg(np.ascontiguousarray(picture)))
        work()
    assert [photo.code for photo in twin.photos.all()] == ["", "duplicate"]
