"""Work that must not show in the time of an answer: it runs once the client has the whole answer."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from django.utils.deprecation import MiddlewareMixin


def afterwards(request: Any, work: Callable[[], Any]) -> None:
    """Runs `work` after the answer to `request` was sent; at once where there is no request.

    `work` handles its errors itself: nobody waits for it any more.
    """
    if request is None:
        work()
    else:
        work = partial(copy_context().run, work)  # its lines in the log have the request's id
        request.__dict__.setdefault("_afterwards", []).append(work)


def waits_after(request: Any) -> bool:
    """Whether some work waits for the answer to `request`."""
    return hasattr(request, "_afterwards")


class AfterwardsMiddleware(MiddlewareMixin):
    def process_response(self, request: Any, response: Any) -> Any:
        response._resource_closers.extend(getattr(request, "_afterwards", ()))
        return response
