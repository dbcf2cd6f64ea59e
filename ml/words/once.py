"""Loads what many threads need, once: functools.cache lets each thread that comes first do the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
LOADING = threading.RLock()  # one for all: what is loaded may load something else


def once(make: Callable[P, T]) -> Callable[P, T]:
    """Like functools.cache, for positional arguments; threads wait for the first one that asks."""
    found: dict[tuple[Hashable, ...], T] = {}

    @wraps(make)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if args not in found:
            with LOADING:
                if args not in found:
                    found[args] = make(*args, **kwargs)
        return found[args]

    return call
