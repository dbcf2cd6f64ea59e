"""The event stream below Django: config/asgi.py sends its body after Django's head."""

from __future__ import annotations

from typing import Any

import pytest

from config import asgi
from config.web import event_stream
from tests import aio


def test_who_leaves_before_the_head_gets_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django then ends without a head, though the view had let the visitor in."""

    async def django(scope: Any, receive: Any, send: Any) -> None:
        scope[event_stream.SCOPE] = event_stream.Stream(None, None, "en")

    async def left() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    sent: list[Any] = []
    monkeypatch.setattr(asgi, "django_application", django)
    aio.run(lambda: asgi.answer({}, left, send))
    assert sent == []
