"""A child for the desk's tests: `python -m tests.ml.small_child FD KEYS THREADS IDLE`. It loads no torch."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from ml.errors import MLError
from ml.remote.desk import Vector, serve


class Small:
    """Says its process id as a vector. What it is given as a photo tells it what to do."""

    def describe(self, photo: bytes, embedder: str = "") -> Vector | None:
        if photo == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        if photo == b"refuse":
            raise MLError("result_refused", "It may not be shown.")
        if photo == b"bug":
            raise KeyError("bug")
        return Vector(embedder, (float(os.getpid()),)) if photo else None

    def vector(self, picture: bytes, embedder: str) -> Any:
        return self.describe(picture, embedder)

    def finish(self, picture: bytes, **facts: Any) -> Any:
        return None

    def close(self) -> None:
        pass


if __name__ == "__main__":
    serve(int(sys.argv[1]), Small(), float(sys.argv[4]))
