"""What the logs, the mails and our books say of work at a service: nothing personal, and no secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from billing.engines.models import RemoteRequest
from tests.hosted import Hosted

pytestmark = pytest.mark.django_db


def test_logs_and_books_say_nothing_personal_and_no_secret(
    hosted: Hosted, work: Callable[[], int], caplog: Any
) -> None:
    user = hosted.twin.user
    hosted.fal.revoke(hosted.fal.keys[0])
    hosted.fal.scenario("content_policy", model=hosted.fal.PICTURES)
    with caplog.at_level(logging.INFO):
        hosted.train()
        work()
        hosted.paint(2)
        work()
    urls = [file["url"] for file in hosted.fal.files()]
    secrets = [*hosted.fal.keys, *urls, "in a park", user.email, str(user.id), hosted.twin.name + " "]
    columns = [str(each) for row in RemoteRequest.objects.values() for each in row.values()]
    said = "\n".join([caplog.text, *columns, *(f"{m.subject} {m.body}" for m in mail.outbox)])
    assert "fal-ai/flux-lora" in caplog.text
    assert [secret for secret in secrets if secret in said] == []
