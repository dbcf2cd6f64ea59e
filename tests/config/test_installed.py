"""The installed web app: manifest, service worker and the page without a connection agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from PIL import Image

from config.web import installed

pytestmark = pytest.mark.django_db
LANGUAGES = [code for code, _name in settings.LANGUAGES]


def manifest(client: Any, page: str = "/", language: str = "en") -> dict[str, Any]:
    """The one that a page links to."""
    text = client.get(page, headers={"Accept-Language": language}).content.decode()
    found = re.search(r'<link rel="manifest" href="([^"]+)"', text)
    assert found
    answer = client.get(found[1])
    assert answer["Content-Type"] == "application/manifest+json"
    return dict(json.loads(answer.content))


def shell(client: Any, language: str = "en") -> dict[str, Any]:
    answer = client.get("/sw.js", headers={"Accept-Language": language})
    head, _line, _rest = answer.content.decode().partition(";\n")
    return dict(json.loads(head.removeprefix("const SHELL = ")))


def test_the_manifest_names_one_app_in_the_language_of_the_page(client: Any) -> None:
    found = {language: manifest(client, language=language) for language in LANGUAGES}
    assert [each["lang"] for each in found.values()] == LANGUAGES
    assert len({each["name"] for each in found.values()}) == len(LANGUAGES)
    assert len({(each["id"], each["scope"], each["start_url"]) for each in found.values()}) == 1
    assert client.get("/manifest.xx.webmanifest").status_code == 404


def test_the_manifest_lies_within_the_scope_of_the_service_worker(client: Any) -> None:
    said, worker = manifest(client), client.get("/sw.js")
    assert (worker["Content-Type"], worker["Cache-Control"]) == ("text/javascript", "private, no-store")
    assert worker["Service-Worker-Allowed"] == said["scope"] == said["id"] == "/"
    addresses = [said["start_url"], *(shortcut["url"] for shortcut in said["shortcuts"])]
    for address in addresses:  # on this site, of a page that asks for a log-in
        assert urlsplit(address).netloc == ""
        assert address.startswith(said["scope"])
        assert client.get(address)["Location"].startswith("/accounts/login/")


def test_the_icons_are_as_large_as_they_say_and_one_may_be_cut(client: Any) -> None:
    icons = manifest(client)["icons"]
    assert {icon["purpose"] for icon in icons} == {"any", "maskable"}
    for icon in icons:
        with Image.open(finders.find(icon["src"].removeprefix("/static/"))) as picture:
            assert (f"{picture.width}x{picture.height}", picture.format) == (icon["sizes"], "PNG")
            assert icon["purpose"] == "any" or picture.convert("RGBA").getextrema()[3] == (255, 255)


def test_the_worker_keeps_public_files_alone(client: Any) -> None:
    said = shell(client)
    assert said["offline"] == "/offline/"
    assert all(path.startswith("/static/") and client.get(path).status_code == 200 for path in said["files"])
    assert client.get("/sw.js").content.endswith(Path("static/sw.js").read_bytes())


def test_the_worker_has_another_version_in_another_language_theme_or_release(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [shell(client, language)["version"] for language in (*LANGUAGES, "en")]
    assert versions[0] == versions[-1]
    assert len(set(versions)) == len(LANGUAGES)
    client.post("/theme", {"theme": "dark"})
    dark = shell(client)["version"]
    monkeypatch.setattr(installed, "_kept", lambda: b"another release")
    assert len({versions[0], dark, shell(client)["version"]}) == 3


@pytest.mark.parametrize(
    ("language", "words"), [("en", "You are offline"), ("es", "Sin conexión"), ("zh-hans", "你已离线")]
)
def test_the_page_without_a_connection_says_nothing_about_anybody(
    client: Any, alice: Any, language: str, words: str
) -> None:
    asked = {"Accept-Language": language}
    before = client.get("/offline/", headers=asked)
    client.force_login(alice)
    assert client.get("/offline/", headers=asked).content == before.content
    assert words in before.text
    assert not before.cookies
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|csrf", before.text)
