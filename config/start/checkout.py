"""The environment of a checkout: servers and keys of its own, kept in a folder `var`.

`make run` prepares it, and publishes it in var/environment for a `manage.py` beside it. Tests and benches
prepare it in temporary folders. Nothing else does: elsewhere a missing setting stops the start (env.py).
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
    """Like `prepare`, but ignores addresses and keys that are set: tests and benches use only their own."""
    for name in NAMES:
        os.environ.pop(name, None)
    return prepare(var, fast=fast)


@contextmanager
def claimed(var: Path) -> Iterator[bool]:
    """Claims `var` for this process until the block ends; False when another process has claimed it.

    The claim is a lock on var/environment, so the file is valid only while the process that wrote it lives.
    """
    with os.fdopen(os.open(var / "environment", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        if not _lock(file.fileno(), fcntl.LOCK_EX):
            yield False
            return
        file.truncate(0)
        yield True
        file.truncate(0)


def publish(var: Path) -> None:
    """Writes the environment for `join`. The caller has claimed `var`."""
    (var / "environment").write_text(json.dumps(_set(*NAMES, "VAR", "ORIGIN")))


def join(var: Path) -> None:
    """Takes over the environment of the `make run` that runs in `var`, if one does.

    Does nothing if a required setting is already set to another value: mixing two installations would seal
    the files of one with the keys of the other.
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
