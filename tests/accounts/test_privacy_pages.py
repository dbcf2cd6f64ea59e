"""The pages about privacy say what the program does, in three languages, and when they changed."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.checks import Tags, run_checks
from django.utils.translation import override

from accounts import checks, retention
from accounts.privacy import documents

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PAGES = {"privacy": "policy", "retention": "retention", "imprint": "imprint", "ai": "ai"}


def fingerprint(name: str) -> str:
    """Of what a page's template says, however it looks; of the retention also of its rules."""
    text = (ROOT / f"templates/accounts/privacy/{PAGES[name]}.html").read_text()
    text = re.sub(r' class="[^"]*"', "", text)
    if name == "retention":
        with override("en"):
            text += "".join(f"{r.code}{r.what}{r.time}{r.why}{r.by}" for r in retention.RULES.values())
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", PAGES)
def test_a_changed_page_has_a_new_version(name: str) -> None:
    """If this fails: raise version and date in documents.py, then put the new fingerprint here."""
    pinned = json.loads((ROOT / "tests/data/documents.json").read_text())
    assert pinned[name] == {"version": documents.DOCUMENTS[name].version, "sha256": fingerprint(name)}


@pytest.mark.parametrize("language", ["en", "es", "zh-hans"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_its_version_and_is_linked_from_the_foot(
    client: Any, name: str, language: str
) -> None:
    page = client.get(f"/{name}/", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert documents.DOCUMENTS[name].version in page.text
    for where in ("/privacy/", "/ai/", "/imprint/", "/terms/"):
        assert f'href="{where}"' in page.text


def test_sign_up_links_what_one_should_know(client: Any) -> None:
    page = client.get("/accounts/signup/").text
    assert 'href="/privacy/"' in page
    assert 'href="/ai/"' in page


@pytest.mark.parametrize("language", ["en", "es", "zh-hans"])
def test_the_retention_page_has_every_rule_of_the_code(client: Any, language: str) -> None:
    from django.utils.html import escape

    page = client.get("/retention/", headers={"Accept-Language": language}).text
    with override(language):
        for rule in retention.RULES.values():
            assert escape(str(rule.what)) in page
            assert escape(rule.time) in page


def test_the_companies_are_those_whose_engines_are_offered(client: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano"]
    assert "Every engine runs here" in client.get("/privacy/").text
    settings.STUDIO_PROFILES = ["nano", "together"]
    page = client.get("/privacy/").text
    assert "Together Computer, Inc." in page
    assert "fal.ai" not in page
    assert "Together Computer, Inc." in client.get("/ai/").text


def test_the_cookies_that_are_set_are_those_that_are_told(client: Any, alice: Any) -> None:
    from tests.accounts.people import browser, log_in
    from tests.factory import PASSWORD

    visitor = browser()
    log_in(visitor, alice.email, PASSWORD)
    visitor.post("/theme", {"theme": "dark"})
    visitor.post("/language", {"language": "es"})
    visitor.post("/account/", {"display_name": "A", "language": "en"})
    told = {cookie.name for cookie in documents.COOKIES}
    assert len(visitor.cookies) >= 5
    assert visitor.cookies.keys() <= told
    page = client.get("/privacy/").text
    assert [name for name in told if f"<code>{name}</code>" not in page] == []


def test_global_privacy_control_is_honoured_and_said(client: Any) -> None:
    says = "Your browser sends this signal now."
    assert says in client.get("/privacy/", headers={"Sec-GPC": "1"}).text
    assert says not in client.get("/privacy/").text
    assert client.get("/.well-known/gpc.json").json() == {"gpc": True, "lastUpdate": "2026-11-29"}


OPERATOR = {"name": "Ada Ltd", "address": "1 Road; Town", "email": "ada@example.com"}


def test_the_imprint_has_the_operators_details_or_says_that_there_are_none(
    client: Any, settings: Any
) -> None:
    assert "has not entered" in client.get("/imprint/").text
    settings.OPERATOR = dict.fromkeys(project.OPERATOR, "") | OPERATOR
    page = client.get("/imprint/").text
    assert "has not entered" not in page
    for value in OPERATOR.values():
        assert value in page
    assert "Ada Ltd" in client.get("/privacy/").text


def test_the_deployment_check_warns_while_nobody_is_named(settings: Any) -> None:
    (warning,) = checks.operator_is_named()
    assert "OPERATOR_NAME, OPERATOR_ADDRESS, OPERATOR_EMAIL" in str(warning.msg)
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    assert warning in found
    settings.OPERATOR = OPERATOR
    assert checks.operator_is_named() == []
