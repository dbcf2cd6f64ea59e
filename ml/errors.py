"""Errors of ml. Each expected error has a stable code and one sentence that says what to do."""

from __future__ import annotations


class MLError(Exception):
    """An expected failure. `code` is stable, for programs; `message` is one sentence for the user."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[MLError], tuple[str, str]]:
        """Lets the error cross to another process with its code."""
        return type(self), (self.code, self.message)


class PhotoRefused(MLError):
    """A photo that cannot be used; `code` is one of `types.PHOTO_CODES`."""


class Away(MLError):
    """A service cannot be reached, or failed too often just now. The work waits and is tried again: nothing
    of it has begun there."""


class Stopped(Exception):
    """The progress callback asked to stop. The saved checkpoint is valid and can be resumed."""


class DeviceLost(Exception):
    """The accelerator failed and this process lost all data on it. A new process must do the work."""
