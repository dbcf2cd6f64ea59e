"""The environment of a checkout, where no operator sets one: servers and keys of its own, kept in a folder `var`.

`make run` prepares it and publishes it in var/environment for `manage.py` beside it; tests and benches prepare it
in temporary folders. Nothing else does, so elsewhere a missing address or key stops the start (env.py).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.start import embedded, env, keys
from config.start.service import Service

ROOT = Path(__file__).resolve().parents[2]
NAMES = [*env.REQUIRED, *(f"{name}_FILE" for name in env.REQUIRED)]


def var_folder() -> Path:
    return Path(os.environ.get("VAR") or ROOT / "var").resolve()


def prepare(var: Path, *, fast: bool = False) -> list[Service]:
    """Puts into os.environ what it lacks of the required settings, and returns the servers that serve `var`.

    `fast` risks the database in a crash. Raises EmbeddedError, after stopping what it had launched.
    """
    services = embedded.ensure(var, fast=fast)
    for name in keys.KEYS:
        if not env.given(name):
            os.environ[f"{name}_FILE"] = str(keys.make(name, var / "keys"))
    os.environ["VAR"] = str(var)
    return services


def prepare_anew(var: Path, *, fast: bool = False) -> list[Service]:
    """As `prepare`, but whatever the environment names already: for tests and benches, which must meet nobody else."""
    for name in NAMES:
        os.environ.pop(name, None)
    return prepare(var, fast=fast)


@contextmanager
def claimed(var: Path) -> Iterator[bool]:
    """Whether this process alone runs what lies in `var` (False: another one does), until the block ends.

    Holds a lock on var/environment, so the file counts only while the process that wrote it lives.
    """
    with os.fdopen(os.open(var / "environment", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        if not _lock(file.fileno(), fcntl.LOCK_EX):
            yield False
            return
        file.truncate(0)
        yield True
        file.truncate(0)


def publish(var: Path) -> None:
    """Writes the environment that `manage.py` takes over while the block of `claimed` lasts."""
    (var / "environment").write_text(json.dumps(_set(*NAMES, "VAR", "ORIGIN")))


def join(var: Path) -> None:
    """Takes over the environment of the `make run` that runs in `var`, if there is one.

    Does nothing where a required setting has another value here: half of one installation and half of another
    would seal files with the wrong keys.
    """
    with suppress(OSError), (var / "environment").open() as file:
        if _lock(file.fileno(), fcntl.LOCK_SH):
            return  # left by a `make run` that was killed
        published = json.loads(file.read() or "{}")
        if _set(*NAMES).items() <= published.items():
            os.environ.update(published | _set("ORIGIN"))


def _set(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _lock(descriptor: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False
