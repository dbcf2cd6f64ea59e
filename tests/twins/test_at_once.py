"""Concurrent changes to the same twin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.vault.storage import storage_of
from accounts.vault.vault import store
from config.errors import NotFound
from tests.conftest import jpeg
from tests.studio import JudgeDouble
from twins import services
from twins.models import Photo, Twin
from twins.tasks import check_photo

pytestmark = pytest.mark.django_db(transaction=True)


def apart(work: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Runs `work` in a thread and closes the thread's database connection."""
    try:
        return work(*args, **more)
    finally:
        connection.close()


def test_of_two_identical_photos_checked_at_once_one_is_a_duplicate(
    twin: Twin, judge: JudgeDouble, wake_ups: Any
) -> None:
    meet = threading.Barrier(2)

    def both_have_looked(data: bytes) -> str:
        meet.wait(20)
        return ""

    judge.verdict = both_have_looked
    photos = [services.add_photo(twin, data=jpeg()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda p: apart(check_photo, str(p.id)), photos))
    assert sorted(Photo.objects.values_list("accepted", "code")) == [(False, "duplicate"), (True, "")]
    kept = [p for p in photos if store(twin.user_id).exists(p.clean)]
    assert len(kept) == 1


def test_an_upload_to_a_twin_that_is_being_deleted_leaves_nothing(twin: Twin, wake_ups: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Twin.objects.locked(twin.id)
            sent = pool.submit(apart, lambda: services.add_photo(twin, data=jpeg()))
            services.delete_twin(twin)
        assert isinstance(sent.exception(20), NotFound)
    assert not Photo.objects.exists()
    far = timezone.now() + timedelta(days=1)
    assert list(storage_of(twin.user_id).old_files(far)) == []
