"""Shared fixtures: alice is the owner, bob the stranger. `work()` runs the enqueued tasks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests import quick
from tests.database import NAME, empty_tables, make_migrated
from tests.hosted import detector, hosted  # noqa: F401
from tests.remote.fixtures import fal, fal_process, together, together_process  # noqa: F401
from tests.studio import EngineDouble, JudgeDouble
from tests.tiny import pair, tiny_folder  # noqa: F401
from tests.trained import nano_man, nano_woman  # noqa: F401


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


class WakeUp(NamedTuple):
    task: str
    ident: str
    queue: str


@pytest.fixture
def generous_limits(settings: Any) -> None:
    """Calls are counted as ever, with rates that no test reaches."""
    from config.start.limits import Limit

    def more(limit: Limit) -> Limit:
        counted = ("user", "address", "key")
        return replace(limit, **{column: "100000/h" for column in counted if getattr(limit, column)})

    settings.LIMITS = {name: more(limit) for name, limit in settings.LIMITS.items()}


@pytest.fixture
def wake_ups(monkeypatch: pytest.MonkeyPatch) -> list[WakeUp]:
    """Replaces the broker. The list holds the wake-ups sent to it."""
    sent: list[WakeUp] = []
    from config.runs import broker

    monkeypatch.setattr(
        broker, "enqueue", lambda task, ident, queue: sent.append(WakeUp(task, str(ident), queue)) or True
    )
    return sent


@pytest.fixture(scope="session")
def all_tasks() -> Any:
    """The tasks by name. Celery imports their modules and has Django check all models, once per session."""
    from celery import current_app

    current_app.loader.import_default_modules()
    return current_app.tasks


@pytest.fixture
def work(wake_ups: list[WakeUp], all_tasks: Any) -> Callable[[], int]:
    """Runs all enqueued tasks, in place of workers. Returns their number."""
    from django.test import TestCase

    def run() -> int:
        done = 0
        while wake_ups:
            task, ident, _queue = wake_ups.pop(0)
            with TestCase.captureOnCommitCallbacks(execute=True):
                all_tasks[task](ident)
            done += 1
        return done

    return run


@pytest.fixture
def told_to_stop() -> Iterator[Any]:
    """Sets the flag that SIGTERM sets in a worker."""
    from config.runs.stopping import told_to_stop as flag

    flag.set()
    yield flag
    flag.clear()


@pytest.fixture
def alice(db: None) -> Any:
    return person("alice@example.com")


@pytest.fixture
def bob(db: None) -> Any:
    return person("bob@example.com")


def person(email: str) -> Any:
    """A user with a confirmed address."""
    return quick.person(email, "a long password")


def confirmed(user: Any) -> Any:
    from allauth.account.models import EmailAddress

    facts = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=facts)
    return user


def unconfirmed(user: Any) -> Any:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(user=user).update(verified=False)
    return user


def client_of(user: Any) -> Any:
    """A logged-in client. It runs on-commit callbacks before it returns, even inside a test's transaction."""
    from django.test import TestCase
    from rest_framework.test import APIClient

    class Client(APIClient):
        def request(self, **kwargs: Any) -> Any:
            with TestCase.captureOnCommitCallbacks(execute=True):
                return super().request(**kwargs)

    client = Client()
    client.force_authenticate(user)
    return client


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any, pytestconfig: pytest.Config
) -> None:
    """pytest-django makes the test database after this fixture: as a copy of a migrated one."""
    from django.db import connection

    from tests.plugin import SERVICES

    with django_db_blocker.unblock():
        make_migrated(pytestconfig, SERVICES[0])  # type: ignore[arg-type]
    connection.settings_dict["TEST"]["TEMPLATE"] = NAME


@pytest.fixture(scope="session", autouse=True)
def _empty_tables_after_transactions() -> None:
    """After tests with real transactions."""
    from django.test import TransactionTestCase

    TransactionTestCase._fixture_teardown = lambda self: empty_tables()  # type: ignore[method-assign]


@pytest.fixture
def admin_client(admin_user: Any) -> Any:
    """pytest-django's superuser, logged in with a second factor."""
    from tests.rights import logged_in

    return logged_in(admin_user)


@pytest.fixture
def as_alice(alice: Any) -> Any:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: Any) -> Any:
    return client_of(bob)


@cache
def jpeg(shade: int = 100, size: tuple[int, int] = (640, 640)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade % 256, (shade * 7) % 256, 90)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def consented(alice: Any) -> Any:
    quick.consent(alice, "terms", "biometric_twin")
    return alice


@pytest.fixture
def twin(consented: Any) -> Any:
    return quick.twin(consented)


@pytest.fixture
def photos(twin: Any, judge: JudgeDouble, engine: EngineDouble) -> list[Any]:
    """Ten accepted photos of alice's twin, with the columns and files that a check writes."""
    from twins.models import Photo

    made = Photo.objects.bulk_create(
        Photo(
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
            points=[0.0] * 10,
            hash=i,
            size=1,
        )
        for i in range(10)
    )
    names = [(photo.clean, photo.thumbnail) for photo in made]
    fill(twin.user_id, {name: jpeg(i * 9) for i, both in enumerate(names) for name in both})
    return made


def fill(user_id: Any, files: dict[str, bytes]) -> None:
    """Writes many files into a vault with one look at its key: Vault.write asks for it twice for each."""
    from accounts.vault import sealing, vault

    store, key = vault.store(user_id), vault._key_to_write(user_id)
    for name, data in files.items():
        store._storage().save(name, sealing.seal(key, store._context(name), [data]))


@pytest.fixture
def trained(twin: Any, photos: list[Any], engine: EngineDouble, wake_ups: list[WakeUp]) -> Any:
    """alice's twin with an active training."""
    quick.train(twin, photos, engine)
    twin.refresh_from_db()
    return twin


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Any]:
    """Starts worker processes and ends them after the test."""
    from tests.processes import Workers

    made = Workers(tmp_path)
    yield made
    made.stop()
