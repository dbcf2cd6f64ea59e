"""A twin that may be trained at the double of fal, by the real engine with small pictures and no child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines import prove
from tests.remote import FalDouble


@dataclass
class Hosted:
    """alice's twin at fal. `waited` is called in place of each wait for the service."""

    fal: FalDouble
    twin: Any
    engine: Any
    waits: list[float]
    waited: Callable[[], Any]

    def train(self) -> Any:
        """A queued training at fal. Its task runs with the fixture `work`."""
        from django.test import TestCase

        from twins.services import start_training

        with TestCase.captureOnCommitCallbacks(execute=True):
            return start_training(self.twin, base="fal", seed=1)

    def paint(self, count: int = 1, **more: Any) -> Any:
        from django.test import TestCase

        from generation.services import request_images

        recipe = {"twin": self.twin, "prompt": "in a park", "count": count, "seed": 5} | more
        with TestCase.captureOnCommitCallbacks(execute=True):
            return request_images(self.twin.user, **recipe)

    def said(self) -> dict[str, list[str]]:
        """The states of our requests by work, in order."""
        from billing.engines.models import RemoteRequest

        found: dict[str, list[str]] = {}
        for work, state in RemoteRequest.objects.order_by("created_at").values_list("work", "state"):
            found.setdefault(work, []).append(state)
        return found


@pytest.fixture
def detector() -> Iterator[Any]:
    """The detector of nudity, which finds none."""
    from ml import safety
    from tests.ml.doubles import Said

    said = Said()
    safety.use_detector(said)
    yield said
    safety.use_detector(safety.Detector(safety.detector_command()))


@pytest.fixture
def hosted(
    twin: Any,
    photos: list[Any],
    work: Callable[[], int],
    fal: FalDouble,
    settings: Any,
    monkeypatch: Any,
    tmp_path: Path,
    detector: Any,
) -> Iterator[Hosted]:
    from billing import ledger
    from billing.engines import bells
    from config import studio
    from config.runs.circuit import Circuit
    from ml.remote.settings import Remote

    settings.REMOTES = {"fal": Remote("fal", tuple(fal.keys), fal.address)}
    settings.STUDIO_PROFILES = ["nano", "fal"]
    give_shades(photos)
    consent(twin.user)
    prove(twin, photos)
    ledger.grant(ledger.wallet_of(twin.user), 1000, cause="test")
    made = Hosted(fal, twin, small_engine(settings.REMOTES["fal"], tmp_path), [], lambda: None)

    def wait(_bell: Any, seconds: float) -> None:
        made.waits.append(seconds)
        made.waited()

    monkeypatch.setattr(bells.Bell, "wait", wait)
    Circuit().worked("fal")
    studio.use_engine("fal", made.engine)
    yield made
    studio.use_engine("fal", None)
    Circuit().worked("fal")
    assert fal.breaches == []


def small_engine(remote: Any, folder: Path) -> Any:
    """The engine as in a worker, but for its small pictures, its quick faces and its pauses."""
    from config import registry
    from config.runs.circuit import Circuit
    from ml.provenance import Signer
    from ml.remote.desk import InProcess
    from ml.remote.engine import open_remote
    from ml.remote.http import Http
    from tests.ml.doubles import CentredFaces
    from tests.ml.remote import SMALL

    desk = InProcess(CentredFaces(), Signer.open(folder))
    engine = open_remote(
        "fal", remote, keys=folder, desk=desk, circuit=Circuit(), on_refused=registry.key_refused
    )
    engine.base = replace(engine.base, sizes=SMALL, recipe=replace(engine.base.recipe, prompts=2))
    engine.fal.http = Http(remote, sleep=lambda seconds: None)
    return engine


def give_shades(photos: list[Any]) -> None:
    """Files in which CentredFaces sees one person."""
    from tests.ml.remote import shades

    give(photos, [shade.clean for shade in shades(len(photos))])


def give(photos: list[Any], files: list[bytes]) -> None:
    from tests.conftest import fill

    fill(photos[0].user_id, {photo.clean: data for photo, data in zip(photos, files, strict=True)})


def drawn_photos(count: int = 10, seed: int = 6) -> list[bytes]:
    """JPEGs of one drawn person."""
    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw

    rng = np.random.default_rng(seed)
    person, scenes = random_person(rng), varied_scenes(rng, count)
    return [media.encode_jpeg(draw(person, scene, 768, 768), 92) for scene in scenes]


def consent(user: Any) -> None:
    from accounts import consents

    kind = consents.kind_of("fal")
    consents.give(user, kind=kind, version=consents.WORDING[kind][0])


def ready_twin(user: Any, files: list[bytes] | None = None) -> Any:
    """A twin of a user who gave all consents, with photos and a proof, as rows: for benches. Without `files`
    its photos are for CentredFaces."""
    from django.utils import timezone

    from twins.models import Photo, Twin
    from twins.proof.models import Challenge, Proof, Selfie

    consent(user)
    twin = Twin.objects.create(user=user, name="Me", subject_class="woman")
    facts = {"accepted": True, "width": 640, "height": 640, "points": [0.0] * 10, "embedder": "test"}
    facts |= {
        "embedding": [1.0, *[0.0] * 127],
        "light": 0.5,
        "yaw": 0.0,
        "size": 1,
        "box": [10, 10, 200, 220],
    }
    count = len(files) if files else 10
    rows = [Photo(user=user, twin=twin, status="succeeded", hash=n, **facts) for n in range(count)]
    made = Photo.objects.bulk_create(rows)
    give(made, files) if files else give_shades(made)
    challenge = Challenge.objects.create(user=user, twin=twin, steps=["left"], expires_at=timezone.now())
    about = {"user": user, "twin": twin, "status": "succeeded", "accepted": True}
    selfie = Selfie.objects.create(challenge=challenge, **about)
    agreed = user.consents.get(kind="biometric_twin", withdrawn_at=None)
    proof = Proof.objects.create(user=user, twin=twin, selfie=selfie, consent=agreed)
    proof.photos.set(made)
    return twin


def use_quick_engine(folder: Path) -> None:
    """In a worker process that a test or a bench starts: the engine of `small_engine`."""
    from django.conf import settings

    from config import studio
    from ml import safety
    from tests.ml.doubles import Said

    safety.use_detector(Said())
    studio.use_engine("fal", small_engine(settings.REMOTES["fal"], folder))
