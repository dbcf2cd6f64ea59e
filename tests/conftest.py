"""alice the owner, bob the stranger; tasks run when they are rung for, unless a test wants them to wait."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.studio import EngineDouble, JudgeDouble


@pytest.fixture
def judge() -> Iterator[JudgeDouble]:
    from config import studio

    double = JudgeDouble()
    studio.use_judge(double)  # type: ignore[arg-type]
    yield double
    studio.use_judge(None)


@pytest.fixture
def engine() -> Iterator[EngineDouble]:
    from config import studio

    double = EngineDouble()
    studio.use_engine("nano", double)
    yield double
    studio.use_engine("nano", None)


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was rung for, in place of the broker."""
    heard: list[tuple[str, str]] = []
    from config.runs import models as runs

    monkeypatch.setattr(runs, "enqueue", lambda task, ident, queue: heard.append((task, str(ident))) or True)
    return heard


@pytest.fixture
def work(rings: list[tuple[str, str]]) -> Callable[[], int]:
    """Do all that was rung for, as workers would; how much it was."""
    from celery import current_app
    from django.test import TestCase

    current_app.loader.import_default_modules()

    def run() -> int:
        done = 0
        while rings:
            task, ident = rings.pop(0)
            with TestCase.captureOnCommitCallbacks(execute=True):
                current_app.tasks[task](ident)
            done += 1
        return done

    return run


@pytest.fixture
def alice(db: None) -> Any:
    return person("alice@example.com")


@pytest.fixture
def bob(db: None) -> Any:
    return person("bob@example.com")


def person(email: str) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_user(email=email, password="a long password")


def client_of(user: Any) -> Any:
    """A logged-in client. What a request does on commit is done when it has answered, inside the test's own transaction too."""
    from django.test import TestCase
    from rest_framework.test import APIClient

    class Client(APIClient):
        def request(self, **kwargs: Any) -> Any:
            with TestCase.captureOnCommitCallbacks(execute=True):
                return super().request(**kwargs)

    client = Client()
    client.force_authenticate(user)
    return client


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_ledgers_triggers() -> None:
    """Tests with real transactions end in a TRUNCATE, which the ledger refuses; and it takes the plans and packs of the migrations."""
    from django.core.management import call_command
    from django.db import connection
    from django.test import TransactionTestCase

    def teardown(self: Any) -> None:
        from billing.models import Pack, Plan

        tables = ("billing_transfer", "billing_ledgeraccount")
        migration = import_module("billing.migrations.0004_plans")
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"ALTER TABLE {t} DISABLE TRIGGER USER" for t in tables))
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
            cursor.execute("; ".join(f"ALTER TABLE {t} ENABLE TRIGGER USER" for t in tables))
        migration.deliver(Plan, Pack)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]


@pytest.fixture
def as_alice(alice: Any) -> Any:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: Any) -> Any:
    return client_of(bob)


def jpeg(shade: int = 100, size: tuple[int, int] = (640, 640)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade % 256, (shade * 7) % 256, 90)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def consented(alice: Any) -> Any:
    from accounts import consents

    for kind in ("terms", "biometric_twin"):
        consents.give(alice, kind=kind, version=consents.WORDING[kind][0])
    return alice


@pytest.fixture
def twin(consented: Any) -> Any:
    from twins import services

    return services.create_twin(consented, name="Me", subject_class="woman")


@pytest.fixture
def photos(twin: Any, judge: JudgeDouble, engine: EngineDouble) -> list[Any]:
    """Ten accepted photos of alice's twin, as their checks would have left them."""
    from accounts.vault.vault import store
    from twins.models import Photo

    made, files = [], store(twin.user_id)
    for i in range(10):
        photo = Photo.objects.create(
            user=twin.user,
            twin=twin,
            status="succeeded",
            accepted=True,
            width=640,
            height=640,
            box=[10, 10, 200, 220],
            yaw=0.0,
            light=0.5,
            warmth=1.0,
            sharpness=0.3,
            embedding=[1.0, *[0.0] * 127],
            embedder="test",
            hash=i,
            size=1,
        )
        files.write(photo.clean, jpeg(i * 9))
        files.write(photo.thumbnail, jpeg(i * 9))
        made.append(photo)
    return made


@pytest.fixture
def trained(
    twin: Any, photos: list[Any], work: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> Any:
    """alice's twin with a first training in use."""
    from twins import services

    with django_capture_on_commit_callbacks(execute=True):
        services.start_training(twin, seed=1)
    work()
    twin.refresh_from_db()
    return twin


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Any]:
    """Starts worker processes, and ends them with the test."""
    from tests.processes import Workers

    made = Workers(tmp_path)
    yield made
    made.stop()
