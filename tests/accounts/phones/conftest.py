"""Codes that the console sender printed, which is what arrives at a phone in development."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

ES, US = "+34612345678", "+12015550123"
AUTH, MINE = "/api/v1/auth/phone", "/api/v1/me/phone"


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> None:
    settings.SMS_SENDER, settings.SMS_COUNTRIES = "console", ["ES", "US", "MX", "CN"]
    caches["redis"].clear()


@pytest.fixture
def code_to(capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """The newest code that was sent to a number."""
    printed: list[str] = []

    def newest(phone: str) -> str:
        printed.append(capsys.readouterr().out)
        found: list[str] = re.findall(rf"SMS to {re.escape(phone)}: \D*(\d{{6}})", "".join(printed))
        return found[-1]

    return newest


def asked(phone: str = ES, client: Client | None = None, **more: Any) -> Any:
    """POST /auth/phone as somebody with an address of their own."""
    return post(client or Client(), AUTH, {"phone": phone, **more})


def post(client: Client, where: str, data: Any, **options: Any) -> Any:
    return client.post(where, data, content_type="application/json", **options)


def typed(ident: str, code: str, client: Client | None = None, **more: Any) -> Any:
    return post(client or Client(), f"{AUTH}/{ident}", {"code": code, **more})


def other(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"
