"""Answers of another shape than the documented one refuse the log-in, and are no error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.socialaccount.providers.oauth2.client import OAuth2Error

# What an answer of another shape than the standard's makes of our reading it.
MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError)


@contextmanager
def shaped() -> Iterator[None]:
    try:
        yield
    except MISSHAPEN as error:
        raise OAuth2Error("misshapen answer") from error


class Shaped:
    """For adapters of allauth: their steps that read answers."""

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> Any:
        with shaped():
            return super().get_access_token_data(*args, **kwargs)  # type: ignore[misc]

    def parse_token(self, data: Any) -> Any:
        with shaped():
            return super().parse_token(data)  # type: ignore[misc]

    def complete_login(self, *args: Any, **kwargs: Any) -> Any:
        with shaped():
            return super().complete_login(*args, **kwargs)  # type: ignore[misc]
