"""tests/quick.py writes what the services and the workers make."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.serializers.python import Serializer
from django.db import models, transaction

from accounts import consents
from accounts.models import Consent, User
from accounts.notices.models import Notice
from accounts.vault.vault import store
from billing import audit
from billing.models import LedgerAccount, Transfer, Wallet
from tests import quick
from tests.conftest import confirmed
from tests.studio import EngineDouble
from twins import services
from twins.models import Training, Twin

TABLES: tuple[type[models.Model], ...] = (
    User,
    EmailAddress,
    Consent,
    Wallet,
    LedgerAccount,
    Transfer,
    Twin,
    Training,
    Notice,
)
GIVEN = ("terms", "biometric_twin")
IDENT = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.mark.django_db
def test_a_quick_person_with_a_twin_is_a_real_one() -> None:
    def really() -> None:
        user = confirmed(User.objects.create_user(email="alice@example.com", password="a long password"))
        for kind in GIVEN:
            consents.give(user, kind=kind, version=consents.WORDING[kind][0])
        services.create_twin(user, name="Me", subject_class="woman")

    def quickly() -> None:
        user = quick.person("alice@example.com", "a long password")
        quick.consent(user, *GIVEN)
        quick.twin(user)

    assert left_by(really) == left_by(quickly)


def test_a_quick_training_is_a_real_one(
    twin: Twin,
    photos: list[Any],
    engine: EngineDouble,
    work: Callable[[], int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    def really() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            services.start_training(twin, seed=1)
        work()

    assert left_by(really) == left_by(lambda: quick.train(twin, photos, engine))


def left_by(make: Callable[[], None]) -> dict[str, Any]:
    """All rows without ids and times, and the files of the training. It is then undone."""
    point = transaction.savepoint()
    make()
    facts: dict[str, Any] = {table.__name__: rows_of(table) for table in TABLES}
    for training in Training.objects.all():
        files, lora = store(training.user_id), training.lora
        facts["files"] = [files.exists(name) for name in (lora, training.sample(0), training.checkpoint_file)]
        facts["lora"] = files.read(lora).replace(str(training.id).encode(), b"")
        facts["photos"] = set(training.photos.values_list("id", flat=True))
    assert audit.problems() == []
    transaction.savepoint_rollback(point)
    return facts


def rows_of(table: type[models.Model]) -> list[dict[str, str]]:
    """Every column as text. Only whether they are there: ids, times, checksums, and how often a run has
    changed (a slow machine tells more steps)."""
    rows = Serializer().serialize(table._default_manager.order_by("pk"))
    return [{name: shown(table, name, value) for name, value in row["fields"].items()} for row in rows]


def shown(table: type[models.Model], name: str, value: Any) -> str:
    unlike = (
        name in ("password", "sha256", "photos")
        or (table, name) == (Training, "version")
        or table._meta.get_field(name).is_relation
    )
    if unlike or isinstance(table._meta.get_field(name), models.DateTimeField):
        return str(bool(value))
    return IDENT.sub("ID", str(value))
