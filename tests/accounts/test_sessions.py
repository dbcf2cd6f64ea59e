"""The list of sessions says where somebody is logged in. Cookies are kept from scripts and other hosts."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from html import unescape
from http.cookies import Morsel
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.utils import timezone

from accounts.sessions import device_name
from tests.accounts.people import browser, is_in, log_in

AGENTS = {
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile"
    " Safari/537.36": "Chrome on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.1 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0"
    " Safari/537.36 Edg/130.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0": "Firefox on Linux",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15": (
        "Safari on macOS"
    ),
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 SamsungBrowser/26.0 Chrome/122.0 Mobile"
    " Safari/537.36": "Samsung Internet on Android",
    "python-httpx/0.27.2": "A program (python-httpx)",
    "": "An unknown device",
    "<script>": "An unknown device",
}


@pytest.mark.parametrize(("agent", "name"), AGENTS.items())
def test_a_session_has_the_name_of_its_device(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_the_list_names_device_time_and_address_in_words(client: Any, alice: Any) -> None:
    agent = next(iter(AGENTS))
    form = {"login": alice.email, "password": "a long password"}
    client.post("/accounts/login/", form, HTTP_USER_AGENT=agent)
    page = client.get("/accounts/sessions/").content.decode()
    assert "Chrome on Android, now" in page
    assert "127.0.0.1" in page
    assert "AppleWebKit" not in page


@pytest.mark.parametrize(
    "zone, words",
    [
        ("America/Argentina/Buenos_Aires", "Chrome on Android, Buenos Aires, an hour ago"),
        ("Etc/UTC", "Chrome on Android, an hour ago"),
        ("Mars/Olympus", "Chrome on Android, an hour ago"),
    ],
)
def test_a_session_has_the_city_of_its_time_zone(client: Any, alice: Any, zone: str, words: str) -> None:
    form = {"login": alice.email, "password": "a long password"}
    client.post("/accounts/login/", form, HTTP_USER_AGENT=next(iter(AGENTS)))
    client.cookies["zone"] = zone
    client.get("/account/")
    UserSession.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    page = unescape(client.get("/accounts/sessions/").text)
    assert words in page.replace("\xa0", " ")


def test_everywhere_else_ends_where_it_says(alice: Any) -> None:
    here, there = browser(), browser()
    assert log_in(here, alice.email)
    assert log_in(there, alice.email)
    here.post("/accounts/sessions/")
    assert (is_in(here), is_in(there)) == (True, False)


# ---------------------------------------------------------------- cookies


def cookies(client: Any, alice: Any) -> dict[str, Morsel[str]]:
    """All cookies that the product sets."""
    log_in(client, alice.email)
    client.get("/account/")
    for path, form in (("/language", {"language": "es"}), ("/theme", {"theme": "dark"})):
        client.post(path, form)
    client.post("/account/", {"display_name": "Alice", "language": "en"})  # also a message
    return dict(client.cookies)


def test_every_cookie_is_kept_from_scripts_and_other_sites(client: Any, alice: Any) -> None:
    found = cookies(client, alice)
    assert found.keys() >= {"sessionid", "csrftoken", "device", "django_language", "theme", "messages"}
    for name, cookie in found.items():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), name
        assert not cookie["domain"]
        assert not cookie["secure"]


def test_with_https_every_cookie_is_secure_and_of_this_host_alone() -> None:
    flags = ("SESSION_COOKIE", "CSRF_COOKIE", "LANGUAGE_COOKIE")
    secure = ",".join(f"s.{name}_SECURE" for name in flags)
    names = "s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.DEVICE_COOKIE_NAME"
    said = run(f"import config.settings as s; print({secure}, {names})", ORIGIN="https://photos.example/")
    assert said.split() == ["True"] * 3 + ["__Host-sessionid", "__Host-csrftoken", "__Host-device"]


def test_allowed_hosts_add_to_the_host_of_origin() -> None:
    program = "import config.settings as s; print(*s.ALLOWED_HOSTS)"
    said = run(program, ORIGIN="https://photos.example", ALLOWED_HOSTS="other.example, third.example").split()
    assert {"photos.example", "other.example", "third.example"} <= set(said)


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
