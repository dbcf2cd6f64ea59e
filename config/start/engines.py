"""Reads from the environment which engines there are: bases on our machines, and companies with a key."""

from __future__ import annotations

from collections.abc import Iterable

from config.start import env
from ml.catalogue import BASES, SERVICES, VIDEO_BASES
from ml.errors import MLError
from ml.remote.settings import Remote, from_environment


def remotes() -> dict[str, Remote]:
    """The services that have a key, by name."""
    parts = ("KEYS", "URL", "LORA_MODEL")
    names = [f"{service.upper()}_{part}" for service in SERVICES for part in parts]
    try:
        return from_environment({name: env.text(name) for name in names})
    except MLError as e:
        raise env.Misconfigured(e.message) from None


def profiles(default: str, sources: Iterable[str], services: Iterable[str]) -> list[str]:
    """STUDIO_PROFILES, the engines that are offered. If it is not set: STUDIO_PROFILE, the bases with a
    directory in STUDIO_SOURCES, and those of each service that has a key."""
    hosted = [name for name, base in BASES.items() if base.service in services]
    bases = [name for name in sources if name not in VIDEO_BASES]
    chosen = env.words("STUDIO_PROFILES") or [default, *bases, *hosted]
    for name in chosen:
        _check(name, services)
    if default not in chosen:
        raise env.Misconfigured(f"STUDIO_PROFILES lacks {default}, which is STUDIO_PROFILE.")
    return list(dict.fromkeys(chosen))


def _check(name: str, services: Iterable[str]) -> None:
    if name not in BASES:
        raise env.Misconfigured(
            f"STUDIO_PROFILE, STUDIO_PROFILES and STUDIO_SOURCES name bases, and there is none called "
            f"“{name}”. Choose from {', '.join(BASES)}."
        )
    service = BASES[name].service
    if service and service not in services:
        raise env.Misconfigured(
            f"The engine {name} runs at {SERVICES[service].company}: set {service.upper()}_KEYS to a key."
        )
