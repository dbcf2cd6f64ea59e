"""The main flow without doubles: drawn photos, real checks, the nano base, screening and marking.

The training is short, and measured on few scenes (tests/brief.py)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageFilter

from billing import audit
from billing.models import Plan
from tests.processes import Workers, wait_for
from tests.test_workers import trained_twin
from tests.trained import Made, drawn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.train]


def changed(photo: bytes, how: Any) -> bytes:
    out = io.BytesIO()
    how(Image.open(io.BytesIO(photo))).save(out, "JPEG", quality=92)
    return out.getvalue()


def beside(a: bytes, b: bytes) -> bytes:
    two = Image.new("RGB", (1536, 768))
    for x, photo in ((0, a), (768, b)):
        two.paste(Image.open(io.BytesIO(photo)), (x, 0))
    out = io.BytesIO()
    two.save(out, "JPEG", quality=92)
    return out.getvalue()


class Customer:
    """A user of the API who works on one twin and waits for the workers."""

    def __init__(self, client: Any, twin: Any) -> None:
        self.client, self.twin, self.where = client, str(twin.id), f"/api/v1/twins/{twin.id}"

    def get(self, path: str) -> dict[str, Any]:
        return dict(self.client.get(path).json())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self.client.post(path, body, format="json").json())

    def content(self, path: str) -> bytes:
        return b"".join(self.client.get(f"{path}/content"))

    def until_done(self, path: str) -> dict[str, Any]:
        wait_for(lambda: self.get(path)["status"] == "succeeded")
        return self.get(path)

    def send(self, photos: list[bytes]) -> list[str]:
        """Uploads the photos. Returns their verdicts in the order of upload."""
        before = len(self.verdicts())
        for i, data in enumerate(photos):
            file = {"file": SimpleUploadedFile(f"{i}.jpg", data)}
            assert self.client.post(f"{self.where}/photos", file, format="multipart").status_code == 201
        wait_for(lambda: all(p["status"] != "checking" for p in self.verdicts()))
        return [p["code"] or "accepted" for p in self.verdicts()[before:]]

    def verdicts(self) -> list[dict[str, Any]]:
        return list(self.get(f"{self.where}/photos?limit=100")["results"])

    def make(self, body: dict[str, Any], path: str = "generations") -> list[str]:
        """Runs a job. Returns its id and the ids of its pictures."""
        job = self.post(f"/api/v1/{path}", body)["id"]
        return [job, *self.until_done(f"/api/v1/generations/{job}")["items"]]


def test_drawn_photos_become_a_twin_pictures_an_archive_and_nothing(
    as_alice: Any, twin: Any, workers: Workers
) -> None:
    workers.start(studio="brief")
    alice = Customer(as_alice, twin)
    photos_are_judged(alice)
    training = alice.post(f"{alice.where}/trainings", {"steps": 4, "seed": 1})["id"]
    assert alice.until_done(f"/api/v1/trainings/{training}")["likeness"] is not None
    asked = {"prompt": "smiling, in a park", "quality": "draft", "count": 1, "seed": 7}
    job, *items = alice.make({"twin": alice.twin, **asked})
    _again, same = alice.make({"same_seed": True}, f"generations/{job}/repeat")
    pictures_are_marked_and_repeatable(alice, items[0], same)
    export = an_archive_holds(alice, items)
    assert alice.post("/api/v1/items/delete", {"ids": [*items, same]}) == {"deleted": 2}
    assert as_alice.delete(alice.where).status_code == 204
    assert left_of(twin.user_id) == {f"exports/{export}.zip"}
    assert audit.problems() == []


def photos_are_judged(alice: Customer) -> None:
    (*mine, _, _, spare), (_, other) = drawn(6, 13), drawn(7, 2)
    assert alice.send(mine) == ["accepted"] * 10
    bad = {
        "duplicate": changed(mine[0], lambda p: p.resize((800, 800))),
        "blurred": changed(spare, lambda p: p.filter(ImageFilter.GaussianBlur(14))),
        "several_faces": beside(spare, other),
        "other_person": other,
    }
    assert alice.send(list(bad.values())) == list(bad)


def pictures_are_marked_and_repeatable(alice: Customer, first: str, same: str) -> None:
    files = [alice.content(f"/api/v1/items/{item}") for item in (first, same)]
    a, b = (np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), int) for file in files)
    assert np.abs(a - b).mean() < 2.5  # equal pixels except for the watermarks
    file = {"file": SimpleUploadedFile("p.png", files[0])}
    found = alice.client.post("/api/v1/verify", file, format="multipart").json()
    assert (found["ours"], found["signed"]) == (True, True)


def an_archive_holds(alice: Customer, items: list[str]) -> str:
    export = alice.post("/api/v1/exports", {"ids": items})["id"]
    alice.until_done(f"/api/v1/exports/{export}")
    archive = zipfile.ZipFile(io.BytesIO(alice.content(f"/api/v1/exports/{export}")))
    assert sum(name.endswith(".png") for name in archive.namelist()) == len(items)
    return str(export)


def left_of(user_id: Any) -> set[str]:
    from datetime import timedelta

    from django.utils import timezone

    from accounts.vault.storage import storage_of

    return set(storage_of(user_id).old_files(timezone.now() + timedelta(days=1)))


@pytest.mark.thorough
def test_of_two_twins_by_turns_every_picture_is_likest_to_its_own(
    as_alice: Any, as_bob: Any, alice: Any, bob: Any, workers: Workers, nano_woman: Made, nano_man: Made
) -> None:
    """Two render workers take alternating jobs of two users. Each picture resembles its owner's photos."""
    from ml.faces import Faces

    faces, jobs = Faces(), 20
    Plan.objects.update(jobs=0)  # no limit on open jobs
    both = (
        Customer(as_alice, real_twin(alice, nano_woman, "woman")),
        Customer(as_bob, real_twin(bob, nano_man, "man")),
    )
    for _ in both:
        workers.start("render", studio="real")
    towards_alice = mean_face(faces, drawn(6, 12)) - mean_face(faces, drawn(8, 12))
    prompt = "smiling, grey background, soft light"
    asked = [
        both[i % 2].post("/api/v1/generations", {"twin": both[i % 2].twin, "prompt": prompt, "seed": i})["id"]
        for i in range(jobs)
    ]
    own = []
    for i, job in enumerate(asked):
        (item,) = both[i % 2].until_done(f"/api/v1/generations/{job}")["items"]
        found = vectors(faces, both[i % 2].content(f"/api/v1/items/{item}"))
        own += [(float(vector @ towards_alice) > 0) == (i % 2 == 0) for vector in found[:1]]
    assert len(own) >= jobs // 2  # the other pictures have no detectable face
    assert np.mean(own) >= 0.9


def real_twin(user: Any, made: Made, subject: str) -> Any:
    report, store, _told = made
    twin = trained_twin(user, store.read(report.lora))
    twin.subject_class = subject
    twin.save()
    return twin


def vectors(faces: Any, picture: bytes) -> list[Any]:
    from ml import media

    return [found.vector for found in faces.describe(media.to_array(picture))]


def mean_face(faces: Any, photos: list[bytes]) -> Any:
    return np.mean([v for photo in photos for v in vectors(faces, photo)[:1]], 0)
