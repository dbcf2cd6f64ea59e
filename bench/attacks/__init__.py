"""The attacks of `python -m bench.attack`. A module here is one topic; each function in it is one attack."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

PASSWORD = "a long password"


class GotThrough(Exception):
    """The attack succeeded. The message says what it reached."""


@dataclass(frozen=True)
class Target:
    """A running product. Django is set up in this process with the product's database, for preparations."""

    url: str
    logs: tuple[Path, ...]  # of the processes that send e-mail; they print it

    def client(self, address: str = "203.0.113.1", **headers: str) -> httpx2.Client:
        """A client without an account, at an IP address: the product trusts one proxy."""
        return httpx2.Client(base_url=self.url, headers={"X-Forwarded-For": address, **headers}, timeout=30)

    def login(self, user: Any, address: str = "203.0.113.1") -> httpx2.Client:
        """A browser in which `user` has logged in, with the CSRF token as a header."""
        from django.test import Client

        inner = Client()
        inner.force_login(user)
        client = self.client(address)
        client.cookies.set("sessionid", inner.cookies["sessionid"].value)
        client.get("/twins/")
        client.headers["X-CSRFToken"] = client.cookies.get("csrftoken") or ""
        return client

    def mails(self, to: str) -> list[str]:
        """All e-mails to an address, with their headers, oldest first."""
        text = "\n".join(log.read_text(errors="replace") for log in self.logs)
        found = re.findall(r"^Content-Type: .*?(?=^-{79}$)", text, re.MULTILINE | re.DOTALL)
        return [mail for mail in found if f"\nTo: {to}\n" in mail]


@dataclass(frozen=True)
class Attack:
    code: str  # of the finding, such as H1
    title: str
    run: Callable[[Target], str]


ATTACKS: list[Attack] = []


def attack(code: str, title: str) -> Callable[[Callable[[Target], str]], Callable[[Target], str]]:
    """Registers an attack: a function that answers what stopped it, or raises GotThrough."""

    def register(run: Callable[[Target], str]) -> Callable[[Target], str]:
        ATTACKS.append(Attack(code, title, run))
        return run

    return register


def expect(stopped: bool, otherwise: str) -> None:
    if not stopped:
        raise GotThrough(otherwise)
