"""The child process of ml.remote.desk: `python -m ml.remote.child FD KEYS THREADS IDLE`.

It answers (method, arguments) with ("done", result) or ("error", MLError) until its line closes, its parent
is gone, or nothing came for IDLE seconds.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ml.errors import MLError
from ml.faces import Faces
from ml.oom import memory_errors
from ml.provenance import Signer
from ml.remote.desk import InProcess, parent_is

METHODS = ("describe", "vector", "finish")
log = logging.getLogger(__name__)


def serve(line: Connection, desk: InProcess, idle: float) -> None:
    while line.poll(idle):
        try:
            name, args, named = line.recv()
        except EOFError:
            return
        line.send(_answer(desk, name, args, named))


def _answer(desk: InProcess, name: str, args: Any, named: Any) -> tuple[str, Any]:
    try:
        if name not in METHODS:
            raise ValueError(name)
        with memory_errors():
            return "done", getattr(desk, name)(*args, **named)
    except MLError as e:
        return "error", e
    except Exception:
        log.exception("the desk failed")
        return "error", MLError("engine_failed", "The result could not be finished here. Try again.")


def end_with(parent: int) -> None:
    """Ends this process as soon as its parent is gone: work under way has nobody to go to."""
    while parent_is(parent):
        time.sleep(1)
    os._exit(0)


def main(descriptor: str, keys: str, threads: str, idle: str) -> None:
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    if int(threads):
        torch.set_num_threads(int(threads))
    serve(Connection(int(descriptor)), InProcess(Faces(), Signer.open(Path(keys))), float(idle))


if __name__ == "__main__":
    main(*sys.argv[1:])
