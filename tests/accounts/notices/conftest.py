"""Notices of alice, a push service of her own, and time that passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Export
from accounts.notices import subscriptions
from accounts.notices.models import Notice
from accounts.notices.services import notify
from tests.accounts.notices.push_service import PushService


@pytest.fixture
def tell(django_capture_on_commit_callbacks: Any) -> Callable[..., Notice]:
    """Tells a person that one of their archives is packed."""

    def run(user: Any, kind: str = "export_done", **facts: Any) -> Notice:
        export = Export.objects.create(user=user, scope="items", status="succeeded")
        with django_capture_on_commit_callbacks(execute=True):
            return notify(user, kind, about=export, **facts)

    return run


@pytest.fixture
def later() -> Callable[..., None]:
    """Lets time pass for all notices."""

    def run(**much: int) -> None:
        for notice in Notice.objects.all():
            for name in ("created_at", "mail_at", "push_at"):
                if at := getattr(notice, name):
                    setattr(notice, name, at - timedelta(**much))
            notice.save()

    return run


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    started = PushService(subscriptions.key())
    settings.PUSH_SERVICES = [*settings.PUSH_SERVICES, started.origin]
    yield started
    started.stop()


def due(channel: str) -> int:
    return Notice.objects.filter(**{f"{channel}_at__lte": timezone.now()}).count()
