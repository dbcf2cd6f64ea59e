"""Errors of ml: each expected one has a stable code and one sentence that says what to do."""

from __future__ import annotations


class MLError(Exception):
    """An expected failure. `code` is stable and for programs, `message` is one sentence for a person."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


class PhotoRefused(MLError):
    """A photo that cannot be used; `code` is one of `types.PHOTO_CODES`."""


class Stopped(Exception):
    """The caller's progress callback asked to stop; what was saved so far is valid and can be resumed."""


class DeviceLost(Exception):
    """The accelerator is gone, with everything this process had on it: another process must do the work."""
