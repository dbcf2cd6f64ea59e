"""Coroutines in tests run in a thread of their own: Playwright leaves an event loop in the main thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(function: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What the coroutine returns. It sees committed rows only: use it with `transaction=True`."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(function())).result()
