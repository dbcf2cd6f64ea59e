"""The environment of a checkout: its own servers and keys, in a folder `var`.

`make run` prepares it and writes it to var/environment, where `manage.py` finds it. Tests and benches
prepare it in temporary folders. Everywhere else a missing setting stops the start (env.py).
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
PREPARED = list(dict.fromkeys([*env.REQUIRED, *keys.KEYS]))
NAMES = [*PREPARED, *(f"{name}_FILE" for name in PREPARED)]


def var_folder() -> Path:
    return Path(os.environ.get("VAR") or ROOT / "var").resolve()


def prepare(var: Path, *, fast: bool = False) -> list[Service]:
    """Puts the missing required settings into os.environ, and returns the embedded servers of `var`.

    With `fast` a crash may destroy the database. Raises EmbeddedError, after stopping what it launched.
    """
    services = embedded.ensure(var, fast=fast)
    for name in keys.KEYS:
        if not env.given(name):
            os.environ[f"{name}_FILE"] = str(keys.make(name, var / "keys"))
    os.environ["VAR"] = str(var)
    return services


def prepare_anew(var: Path, *, fast: bool = False) -> list[Service]:
    """Like `prepare`, but ignores addresses and keys that are set, for tests and benches."""
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


def publish(var: Path, *more: str) -> None:
    """Writes the environment for `join`, with the settings `more`. The caller must have claimed `var`."""
    (var / "environment").write_text(json.dumps(_set(*NAMES, "VAR", "ORIGIN", *more)))


def join(var: Path) -> None:
    """Takes over the environment of the `make run` that uses `var`, if one is running.

    Does nothing if a required setting is already set to another value: mixing two installations would seal
    the files of one with the keys of the other.
    """
    with suppress(OSError), (var / "environment").open() as file:
        if _lock(file.fileno(), fcntl.LOCK_SH):
            return  # left by a `make run` that was killed
        published = json.loads(file.read() or "{}")
        if _set(*NAMES).items() <= published.items():
            os.environ.update(published | _set(*published.keys() - {"VAR"}))


def _set(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _lock(descriptor: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False
