"""Settings from the environment; secrets also from NAME_FILE. What is wrong is said at the start, by its name."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text().strip()
        except OSError as e:
            raise ImproperlyConfigured(f"{name}_FILE: {e.strerror}: {file}") from e
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name, str(default)).lower()
    if value not in ("1", "true", "yes", "0", "false", "no"):
        raise ImproperlyConfigured(f"{name} is true or false, not “{value}”.")
    return value in ("1", "true", "yes")


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is a whole number, not “{value}”.") from None


def words(name: str, default: str = "") -> list[str]:
    return [w.strip() for w in text(name, default).split(",") if w.strip()]


def secret(name: str, folder: Path) -> str:
    """From the environment, else made once and kept in `folder`."""
    value = text(name)
    file = folder / name.lower()
    if not value and not file.exists():
        _keep(file, secrets.token_urlsafe(50).encode())
    return value or file.read_text().strip()


def database(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder -> Django's form."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL is a postgresql:// address: there is no other dialect.")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or "") or query.pop("user", ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or query.pop("port", "")),
        # Its compiler costs more than any of our queries: 10 ms a page of the gallery at 10,000 items.
        "OPTIONS": {**query, "options": f"{query.get('options', '')} -c jit=off".strip()},
    }


def private_key(name: str, folder: Path) -> str:
    """An RSA key in PEM: from the environment, else made once and kept in `folder`."""
    if value := text(name):
        return value
    file = folder / f"{name.lower()}.pem"
    if not file.exists():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _keep(file, pem)
    return file.read_text()


def _keep(file: Path, data: bytes) -> None:
    """Write once, for the owner alone; of two processes at once the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = file.with_name(f".{file.name}-{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_bytes(data)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(aside, file)
    finally:
        aside.unlink()
