"""What the operator says of each service: addresses, keys, models. Torch-free; the web process reads it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ml.catalogue import SERVICES
from ml.errors import MLError

DEFAULTS = {"fal": "https://queue.fal.run", "together": "https://api.together.ai/v1"}
FAL_BACKUP = "https://queue.falrun.com"  # for when the first host cannot be reached
FAL_REST, FAL_FILES = "https://rest.fal.ai", "https://v3.fal.media"
FAL_JWKS = ("https://rest.alpha.fal.ai", "https://rest.fal.ai")  # their pages name both


@dataclass(frozen=True)
class Remote:
    """One service as it is used here. `keys`: the first that works is used. `url`: the service's address;
    any but fal's own stands for all of fal's hosts, as a double's does. `lora_model`: Together's model that
    renders LoRAs, where the account has one."""

    service: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    url: str = ""
    lora_model: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", address(self.service, self.url or DEFAULTS[self.service]))
        for key in self.keys:
            check_key(self.service, key)

    @property
    def is_double(self) -> bool:
        """Whether the service is a program on this machine."""
        return is_loopback(self.url)

    @property
    def queues(self) -> tuple[str, ...]:
        """fal's hosts that take submits, in order."""
        return (self.url, FAL_BACKUP) if self.url == DEFAULTS["fal"] else (self.url,)

    @property
    def rest(self) -> str:
        return FAL_REST if self.url == DEFAULTS["fal"] else self.url

    @property
    def files(self) -> str:
        return FAL_FILES if self.url == DEFAULTS["fal"] else self.url

    @property
    def api(self) -> str:
        """Together's API; its version stands in the path."""
        return self.url if urlsplit(self.url).path else f"{self.url}/v1"

    @property
    def jwks(self) -> tuple[str, ...]:
        """Where fal publishes the keys of its webhooks; the first that answers counts."""
        hosts = FAL_JWKS if self.url == DEFAULTS["fal"] else (self.url,)
        return tuple(f"{host}/.well-known/jwks.json" for host in hosts)


def from_environment(said: Mapping[str, str]) -> dict[str, Remote]:
    """The services that have a key: FAL_KEYS, TOGETHER_KEYS (separated by commas), FAL_URL, TOGETHER_URL,
    TOGETHER_LORA_MODEL. MLError `engine_misconfigured`."""
    found = {}
    for service in SERVICES:
        name = service.upper()
        keys = keys_of(service, said.get(f"{name}_KEYS", ""))
        if keys:
            model = said.get(f"{name}_LORA_MODEL", "").strip()
            found[service] = Remote(service, keys, said.get(f"{name}_URL", "").strip(), model)
    return found


def keys_of(service: str, text: str) -> tuple[str, ...]:
    """Keys separated by commas, with space around each. MLError `engine_misconfigured`."""
    keys = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for key in keys:
        check_key(service, key)
    return keys


def check_key(service: str, key: str) -> None:
    """Refuses what no HTTP header can carry. The message does not show the key."""
    if not is_header(key):
        raise misconfigured(
            f"A key for {SERVICES[service].company} has a space, a line break or another character that no "
            f"key has. Set {service.upper()}_KEYS to the keys, separated by commas."
        )


def is_header(text: object) -> bool:
    """Whether it can be a word of an HTTP header."""
    return isinstance(text, str) and text.isascii() and text.isprintable() and text != "" and " " not in text


def address(service: str, url: str) -> str:
    """The address without a slash at its end. MLError `engine_misconfigured` unless it is https, or http on
    this machine."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        plain = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        fine = secure and plain and (parts.port or 1) > 0 and url.isascii() and url.isprintable()
    except ValueError:
        fine = False
    if not fine or " " in url:
        raise misconfigured(
            f"{service.upper()}_URL must be an https address without a query or a user's name. "
            "An http address is taken on this machine alone."
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address names this machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def misconfigured(message: str) -> MLError:
    return MLError("engine_misconfigured", message)
