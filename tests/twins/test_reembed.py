"""`manage.py reembed_photos` renews the vectors of photos of before there were two embedders."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from accounts.vault.vault import store
from config.studio import use_judge
from ml.faces import Described
from ml.nets.scales import DRAWN, REAL
from ml.types import Face
from tests.conftest import jpeg
from tests.studio import JudgeDouble
from twins.models import Training

FACE = Face((1.0, 1.0, 9.0, 9.0), 1.0, ((3.0, 4.0), (7.0, 4.0), (5.0, 5.0), (4.0, 7.0), (6.0, 7.0)))


class Real(JudgeDouble):
    """Finds a real face in every picture."""

    embedders = (DRAWN, REAL)

    def embed(self, picture: bytes) -> list[Any]:
        return [Described(FACE, REAL, np.full(128, 0.1, np.float32))]


@pytest.fixture
def old(photos: list[Any]) -> list[Any]:
    """Photos as older code accepted them."""
    for photo in photos:
        photo.embedder, photo.embedding, photo.points = DRAWN, [1.0] + [0.0] * 127, None
        photo.save()
        store(photo.user_id).write(photo.clean, jpeg(1))
    return photos


def run(judge: Any) -> str:
    use_judge(judge)
    out = StringIO()
    call_command("reembed_photos", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_old_photos_get_the_vector_that_suits_them_and_new_ones_keep_theirs(old: list[Any]) -> None:
    assert run(Real()) == f"{len(old)} photos renewed.\n"
    old[0].refresh_from_db()
    assert (old[0].embedder, old[0].points[:2]) == (REAL, [3.0, 4.0])
    assert run(Real()) == "0 photos renewed.\n"


@pytest.mark.django_db
def test_likeness_by_the_wrong_embedder_is_forgotten(old: list[Any], twin: Any) -> None:
    Training.objects.create(
        user=twin.user, twin=twin, number=1, base="nano", status="succeeded", likeness=0.8, sha256="0" * 64
    )
    run(Real())
    assert twin.trainings.get().likeness is None


@pytest.mark.django_db
def test_photos_are_renewed_again_when_another_net_is_installed(old: list[Any]) -> None:
    class Other(Real):
        embedders = (DRAWN, "another")

        def embed(self, picture: bytes) -> list[Any]:
            return [Described(FACE, "another", np.full(512, 0.1, np.float32))]

    run(Real())
    assert run(Other()) == f"{len(old)} photos renewed.\n"
    old[0].refresh_from_db()
    assert (old[0].embedder, len(old[0].embedding)) == ("another", 512)


@pytest.mark.django_db
def test_a_photo_whose_file_is_gone_has_no_vector_and_is_not_tried_again(old: list[Any]) -> None:
    store(old[0].user_id).delete(old[0].clean)
    assert run(Real()) == f"{len(old)} photos renewed.\n"
    old[0].refresh_from_db()
    assert (old[0].embedding, old[0].embedder) == (None, "")
    assert run(Real()) == "0 photos renewed.\n"
