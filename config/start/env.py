"""Reads settings from the environment. A missing or malformed one ends the program with a sentence.

Every setting NAME may also come from a file: NAME_FILE is its path.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ImproperlyConfigured

REQUIRED = {  # nothing starts without these; the values explain each setting in the error sentence
    "DATABASE_URL": "the address of PostgreSQL",
    "REDIS_URL": "the address of Redis",
    "SECRET_KEY": "a long random text",
    "VAULT_MASTER_KEYS": "name:key, a key being 32 bytes in base64",
    "JWT_PRIVATE_KEY": "an RSA key in PEM",
}
BY_COMMAND = {"VAULT_MASTER_KEYS"}  # may also come from the output of NAME_COMMAND
WAIT = 20.0  # seconds for such a command
ROOT = Path(__file__).resolve().parents[2]


class Misconfigured(SystemExit, ImproperlyConfigured):
    """A setting is missing or malformed. As a SystemExit it ends any program with its sentence and status 1,
    without a traceback."""


def given(name: str) -> bool:
    """Spaces alone are nothing."""
    sources = [name, f"{name}_FILE", *([f"{name}_COMMAND"] if name in BY_COMMAND else [])]
    return any(os.environ.get(each, "").strip() for each in sources)


def require() -> None:
    """Raises Misconfigured with the names of all required settings that are missing."""
    missing = [f"{name} ({what})" for name, what in REQUIRED.items() if not given(name)]
    if missing:
        raise Misconfigured(
            f"PhotoFlux cannot start: the environment lacks {', '.join(missing)}. "
            "Set each, or NAME_FILE to a file that holds it; in a checkout, `make run` brings its own."
        )


def text(name: str, default: str = "") -> str:
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name) or default
    try:
        value = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "not a text"
        raise Misconfigured(f"{name}_FILE cannot be read: {reason}: {file}") from e
    if not value and name in REQUIRED:
        raise Misconfigured(f"{name}_FILE is empty: {file}")
    return value or default


def web(name: str, default: str) -> str:
    """An address that data is sent to: https, or http on loopback, without a slash at the end."""
    url = text(name, default).rstrip("/")
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    if (scheme == "https" and host) or (scheme == "http" and host in ("127.0.0.1", "localhost")):
        return url
    raise Misconfigured(f"{name} must be an address like https://host, and it is “{url}”.")


def flag(name: str, default: bool = False) -> bool:
    value = text(name, str(default)).lower()
    if value not in ("1", "true", "yes", "0", "false", "no"):
        raise Misconfigured(f"{name} is true or false, not “{value}”.")
    return value in ("1", "true", "yes")


def dsn(name: str) -> str:
    """The address of a project at Sentry: https, or http on loopback; "" where none is set."""
    url = text(name)
    parts = urlsplit(url)
    near = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    whole = parts.username and parts.hostname and parts.path.rpartition("/")[2].isalnum()
    if url and not (whole and (near or parts.scheme == "https")):
        raise Misconfigured(f"{name} is an address like https://KEY@HOST/PROJECT.")
    return url


def one_of(name: str, *choices: str) -> str:
    if (value := text(name)) not in choices:
        raise Misconfigured(f"{name} is one of {', '.join(filter(None, choices))}, not “{value}”.")
    return value


def number(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    try:
        found = int(value)
    except ValueError:
        raise Misconfigured(f"{name} is a whole number, not “{value}”.") from None
    if found < least:
        raise Misconfigured(f"{name} is at least {least}, not {found}.")
    return found


def numbers(name: str, default: str) -> list[int]:
    try:
        return [int(word) for word in words(name, default)]
    except ValueError:
        raise Misconfigured(f"{name} is a list of whole numbers, like {default}.") from None


def words(name: str, default: str = "") -> list[str]:
    return [w.strip() for w in text(name, default).split(",") if w.strip()]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A list of private networks or addresses: 10.0.0.0/8,127.0.0.1"""
    found = []
    for word in words(name):
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            raise Misconfigured(
                f"{name} is a list of networks like 10.0.0.0/8, and “{word}” is none."
            ) from None
        if not network.is_private:
            raise Misconfigured(f"{name} lists private networks alone, and {word} is public.")
        found.append(network)
    return found


def pairs(name: str, separator: str) -> dict[str, str]:
    """NAME=a=1,b=2 (here the separator is `=`) as a dict, in this order."""
    return _pairs(name, text(name), separator)


def _pairs(name: str, said: str, separator: str) -> dict[str, str]:
    found = [word.strip().partition(separator) for word in said.split(",") if word.strip()]
    if any(not (key and middle and value) for key, middle, value in found):
        raise Misconfigured(f"{name} is a list like name{separator}value,name{separator}value.")
    return {key: value for key, _middle, value in found}


def output(name: str, wait: float = WAIT) -> str:
    """What the command NAME writes to its standard output; "" where none is set. It is a secret: no sentence
    has any of it."""
    command = shlex.split(text(name))
    if not command:
        return ""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=wait
        )
    except subprocess.TimeoutExpired:
        raise Misconfigured(f"{name} has not answered within {wait:g} seconds.") from None
    except OSError as e:
        raise Misconfigured(f"{name} cannot be run: {e.strerror}: {command[0]}") from e
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it does not say why."])[-1]
        raise Misconfigured(f"{name} ended with status {done.returncode}: {last[:300]}")
    return done.stdout.strip()


def master_keys(name: str) -> dict[str, str]:
    """{name: key}, a key being 32 bytes in base64. The first one is current. From the setting or, so that the
    keys lie on no disk here, from the output of NAME_COMMAND."""
    if text(name) and text(f"{name}_COMMAND"):
        raise Misconfigured(f"{name} and {name}_COMMAND are both set: where should the keys come from?")
    keys = _pairs(name, text(name) or output(f"{name}_COMMAND"), ":")
    if not keys:
        raise Misconfigured(f"{name} holds no key.")
    for key, value in keys.items():
        try:
            good = len(base64.b64decode(value, validate=True)) == 32 and key.isascii() and len(key) < 256
        except ValueError:
            good = False
        if not good:
            raise Misconfigured(f"{name}: the key named “{key[:40]}” is not 32 bytes in base64.")
    return keys


def private_key(name: str) -> str:
    """An RSA key in PEM."""
    pem = text(name)
    try:
        key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise Misconfigured(f"{name} is not an RSA private key in PEM without a passphrase.")
    return pem


def curve_key(name: str) -> str:
    """A P-256 key in PEM; "" where none is set."""
    pem = text(name)
    try:
        key = load_pem_private_key(pem.encode(), password=None) if pem else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    good = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    if pem and not good:
        raise Misconfigured(f"{name} is not a P-256 private key in PEM without a passphrase.")
    return pem


def redis(name: str) -> str:
    """The address, with REDIS_PASSWORD in it if it has no password of its own."""
    parts, password = _address(name, text(name)), text("REDIS_PASSWORD")
    if parts.scheme not in ("redis", "rediss"):
        raise Misconfigured(f"{name} is an address like redis://:password@host:6379/0.")
    if password and "@" not in parts.netloc:
        parts = parts._replace(netloc=f":{quote(password, safe='')}@{parts.netloc}")
    return parts.geturl()


def database(name: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder as an entry of Django's DATABASES.
    DATABASE_PASSWORD is used if the address has no password."""
    parts = _address(name, text(name))
    if parts.scheme not in ("postgres", "postgresql"):
        raise Misconfigured(f"{name} is an address like postgresql://user:password@host:5432/name.")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or "") or query.pop("user", ""),
        "PASSWORD": unquote(parts.password or "") or text("DATABASE_PASSWORD"),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or query.pop("port", "")),
        # Compiling (JIT) takes longer than our queries: 10 ms for a page of the gallery at 10,000 items.
        "OPTIONS": {**query, "options": f"{query.get('options', '')} -c jit=off".strip()},
    }


def _address(name: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _checked = parts.port  # urlsplit parses the port only when it is read
    except ValueError as e:
        raise Misconfigured(f"{name} is not an address: {e}.") from e
    return parts
