"""Two people who have all there is, and the erasure of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts import erasure, tasks
from accounts.models import Erasure
from tests.accounts.leftovers import ANNA, BERT
from tests.factory import full_user


@pytest.fixture
def own_storage(settings: Any, tmp_path: Path) -> None:
    """The vault and the tombstones of this test alone."""
    places = {
        name: {"BACKEND": "django.core.files.storage.FileSystemStorage"} for name in ("default", "tombstones")
    }
    for name, place in places.items():
        place["OPTIONS"] = {"location": str(tmp_path / name)}  # type: ignore[assignment]
    settings.STORAGES = {**settings.STORAGES, **places}


@pytest.fixture
def anna(db: None) -> Any:
    return full_user(ANNA)


@pytest.fixture
def bert(db: None) -> Any:
    return full_user(BERT)


@pytest.fixture
def erase(django_capture_on_commit_callbacks: Any) -> Callable[[Any], Any]:
    """As the request and the worker do it; the receipt."""

    def run(user: Any) -> Erasure:
        with django_capture_on_commit_callbacks(execute=True):
            asked = erasure.ask(user)
            tasks.erase(str(asked.id))
        asked.refresh_from_db()
        return asked

    return run
