"""The main job with nothing doubled: drawn photos as JPEGs through the real checks, the nano base, the screens and the marks."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageFilter

from billing import audit, ledger
from billing.models import Plan
from tests.processes import Workers, ended, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.train]


def drawn(seed: int, count: int) -> list[bytes]:
    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw

    rng = np.random.default_rng([seed, 0])
    person = random_person(rng)
    return [media.encode_jpeg(draw(person, scene, 768, 768), 92) for scene in varied_scenes(rng, count)]


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


def test_drawn_photos_become_a_twin_pictures_an_archive_and_nothing(
    as_alice: Any, twin: Any, workers: Workers
) -> None:
    (*mine, spare), (_, other) = drawn(6, 13), drawn(7, 2)
    workers.start(studio="real")
    where = f"/api/v1/twins/{twin.id}"

    def verdicts() -> list[dict[str, Any]]:
        return as_alice.get(f"{where}/photos?limit=100").json()["results"]

    def send(photos: list[bytes]) -> list[str]:
        """Their codes, in the order in which they were sent."""
        before = len(verdicts())
        for i, data in enumerate(photos):
            file = SimpleUploadedFile(f"{i}.jpg", data)
            assert as_alice.post(f"{where}/photos", {"file": file}, format="multipart").status_code == 201
        wait_for(lambda: all(p["status"] != "checking" for p in verdicts()), 120)
        return [p["code"] or "accepted" for p in verdicts()[before:]]

    assert send(mine) == ["accepted"] * 12
    assert send(
        [
            changed(mine[0], lambda p: p.resize((800, 800))),
            changed(spare, lambda p: p.filter(ImageFilter.GaussianBlur(14))),
            beside(spare, other),
            other,
        ]
    ) == ["duplicate", "blurred", "several_faces", "other_person"]

    training = as_alice.post(f"{where}/trainings", {"steps": 40, "seed": 1}, format="json").json()["id"]
    wait_for(lambda: as_alice.get(f"/api/v1/trainings/{training}").json()["status"] == "succeeded", 240)
    assert as_alice.get(f"/api/v1/trainings/{training}").json()["likeness"] is not None

    def make(body: dict[str, Any], path: str = "generations") -> list[str]:
        job = as_alice.post(f"/api/v1/{path}", body, format="json").json()["id"]
        wait_for(lambda: as_alice.get(f"/api/v1/generations/{job}").json()["status"] == "succeeded", 120)
        return [job, *as_alice.get(f"/api/v1/generations/{job}").json()["items"]]

    def picture(item: str) -> bytes:
        return b"".join(as_alice.get(f"/api/v1/items/{item}/content").streaming_content)

    job, *items = make({"twin": str(twin.id), "prompt": "smiling, in a park", "count": 2, "seed": 7})
    _again, same = make({"same_seed": True, "overrides": {"count": 1}}, f"generations/{job}/repeat")
    a, b = (np.asarray(Image.open(io.BytesIO(picture(i))).convert("RGB"), int) for i in (items[0], same))
    assert np.abs(a - b).mean() < 2.5  # the same pixels but for their marks
    found = as_alice.post(
        "/api/v1/verify", {"file": SimpleUploadedFile("p.png", picture(items[0]))}, format="multipart"
    )
    assert (found.json()["ours"], found.json()["signed"]) == (True, True)

    export = as_alice.post("/api/v1/exports", {"ids": items}, format="json").json()["id"]
    wait_for(lambda: as_alice.get(f"/api/v1/exports/{export}").json()["status"] == "succeeded")
    archive = b"".join(as_alice.get(f"/api/v1/exports/{export}/content").streaming_content)
    assert sum(n.endswith(".png") for n in zipfile.ZipFile(io.BytesIO(archive)).namelist()) == 2

    assert as_alice.post("/api/v1/items/delete", {"ids": [*items, same]}, format="json").json() == {
        "deleted": 3
    }
    assert as_alice.delete(where).status_code == 204
    assert left_of(twin.user_id) == {f"exports/{export}.zip"}
    assert audit.problems() == []


def left_of(user_id: Any) -> set[str]:
    from datetime import timedelta

    from django.utils import timezone

    from accounts.vault.storage import storage_of

    return set(storage_of(user_id).old_files(timezone.now() + timedelta(days=1)))


def twin_of(user: Any, faces: Any, seed: int, subject: str) -> tuple[Any, list[bytes]]:
    """A twin with ten accepted photos of a drawn person, and credits."""
    from accounts import consents
    from accounts.vault.vault import store
    from ml import media
    from twins.models import Photo
    from twins.services import create_twin

    consents.give(user, kind="biometric_twin", version=consents.WORDING["biometric_twin"][0])
    ledger.grant(ledger.wallet_of(user), 20, cause=f"test:{user.id}")
    twin = create_twin(user, name="Me", subject_class=subject)
    photos = [p for p in drawn(seed, 14) if faces.describe(media.to_array(p))][:10]
    for i, data in enumerate(photos):
        photo = Photo.objects.create(user=user, twin=twin, status="succeeded", accepted=True, hash=i)
        store(user.id).write(photo.clean, data)
    return twin, photos


def test_of_two_twins_by_turns_every_picture_is_likest_to_its_own(
    as_alice: Any, as_bob: Any, alice: Any, bob: Any, workers: Workers
) -> None:
    """Two renderers, two people, twenty jobs by turns, measured by the likeness to each one's photos."""
    from ml import media
    from ml.faces import Faces
    from twins.services import start_training

    faces, owners = Faces(), {}
    workers.start("train", studio="real")
    for client, user, seed, subject in ((as_alice, alice, 6, "woman"), (as_bob, bob, 8, "man")):
        twin, photos = twin_of(user, faces, seed, subject)
        training = start_training(twin, seed=1, steps=150)
        wait_for(lambda t=training: ended(t), 240)
        vectors = [faces.describe(media.to_array(p))[0][1] for p in photos]
        owners[client] = (str(twin.id), np.mean(vectors, 0))
    Plan.objects.update(jobs=0)  # as many at once as one likes
    for _ in range(2):
        workers.start("render", studio="real")
    jobs = []
    for i in range(20):
        client = (as_alice, as_bob)[i % 2]
        body = {"twin": owners[client][0], "prompt": "smiling, grey background, soft light", "seed": i}
        jobs.append((client, client.post("/api/v1/generations", body, format="json").json()["id"]))
    own = []
    for client, job in jobs:
        wait_for(
            lambda c=client, j=job: c.get(f"/api/v1/generations/{j}").json()["status"] == "succeeded", 120
        )
        (item,) = client.get(f"/api/v1/generations/{job}").json()["items"]
        found = faces.describe(
            media.to_array(b"".join(client.get(f"/api/v1/items/{item}/content").streaming_content))
        )
        other = as_bob if client is as_alice else as_alice
        own += [float(found[0][1] @ (owners[client][1] - owners[other][1])) > 0] if found else []
    assert len(own) >= 10  # the others have no face that is found
    assert np.mean(own) >= 0.9
