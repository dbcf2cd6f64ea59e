"""Consents: their wording, when they were given, and their withdrawal."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.translation import override

from accounts import consents, exports
from accounts.models import Consent, sha256
from tests.accounts.people import browser, post
from tests.factory import PASSWORD

pytestmark = pytest.mark.django_db


def give(client: Any, kind: str, version: str = "", **extra: Any) -> Any:
    return client.post(
        "/api/v1/consents",
        {"kind": kind, "version": version or consents.WORDING[kind][0]},
        format="json",
        **extra,
    )


def test_every_kind_is_shown_with_its_words(as_alice: Any) -> None:
    rows = as_alice.get("/api/v1/consents").json()
    assert [r["kind"] for r in rows] == ["terms", "biometric_twin", "face_search", "improvement"]
    assert not any(r["given"] for r in rows)
    assert "18" in rows[1]["wording"]


def test_the_wording_is_stored_in_the_language_it_was_shown_in(as_alice: Any, alice: Any) -> None:
    assert give(as_alice, "biometric_twin", HTTP_ACCEPT_LANGUAGE="es").status_code == 201
    kept = Consent.objects.get(user=alice)
    assert (kept.language, kept.wording[:12]) == ("es", "Tengo 18 año")


def test_a_consent_given_twice_is_recorded_once(as_alice: Any, alice: Any) -> None:
    for _ in range(2):
        give(as_alice, "terms")
    assert Consent.objects.filter(user=alice).count() == 1


def test_an_older_wording_does_not_count(as_alice: Any, alice: Any) -> None:
    assert give(as_alice, "terms", version="2020-01").json()["errors"].keys() == {"version"}
    Consent.objects.create(user=alice, kind="terms", version="2020-01", wording="x", language="en")
    assert not consents.has(alice.id, "terms")
    give(as_alice, "terms")
    assert consents.has(alice.id, "terms")
    assert Consent.objects.filter(user=alice, withdrawn_at=None).count() == 1


def test_a_withdrawn_consent_ends_and_stays_on_record(as_alice: Any, alice: Any) -> None:
    give(as_alice, "terms")
    assert as_alice.delete("/api/v1/consents/terms").status_code == 204
    assert as_alice.delete("/api/v1/consents/terms").json()["code"] == "not_found"
    assert Consent.objects.get(user=alice).withdrawn_at


def test_an_unknown_kind_is_refused(as_alice: Any) -> None:
    assert (
        as_alice.post("/api/v1/consents", {"kind": "x", "version": "1"}, format="json").json()["code"]
        == "invalid"
    )


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("kind", list(consents.WORDING))
def test_a_withdrawal_asks_first_and_says_what_it_deletes(
    client: Any, alice: Any, settings: Any, kind: str
) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal", "together"]
    client.force_login(alice)
    assert client.get(f"/account/consents/{kind}/").status_code == 404  # nothing was given
    consents.give(alice, kind=kind, version=consents.WORDING[kind][0])
    assert f'href="/account/consents/{kind}/"' in client.get("/account/privacy/").content.decode()
    question = unescape(client.get(f"/account/consents/{kind}/").content.decode())
    assert str(consents.WITHDRAWAL[kind]) in question
    assert consents.has(alice.id, kind)
    client.post(f"/account/consents/{kind}/", {"act": "withdraw"})
    assert not consents.has(alice.id, kind)


@pytest.mark.parametrize("language", ["en", "es", "zh-hans"])
def test_signing_up_agrees_to_the_terms_that_the_page_shows(db: None, language: str) -> None:
    client = browser()
    page = client.get("/accounts/signup/", HTTP_ACCEPT_LANGUAGE=language).content.decode()
    form = {"email": "new@example.com", "password1": PASSWORD, "terms": "2026-11"}
    client.post("/accounts/signup/", form, HTTP_ACCEPT_LANGUAGE=language)
    given = Consent.objects.get(kind="terms")
    assert (given.version, given.language, given.user.language) == ("2026-11", language, language)
    assert given.wording in page
    assert "/terms/2026-11/" in page
    assert given.wording in client.get("/terms/2026-11/", HTTP_ACCEPT_LANGUAGE=language).content.decode()


def test_signing_up_by_the_api_agrees_too_and_older_terms_are_refused(db: None) -> None:
    form = {"email": "new@example.com", "password": PASSWORD}
    assert post(browser(), "/auth/signup", form | {"terms": "2020-01"}).status_code == 400
    assert post(browser(), "/auth/signup", form).status_code == 200
    assert Consent.objects.filter(kind="terms", version="2026-11").count() == 1


def test_terms_of_another_version_are_not_found(client: Any, db: None) -> None:
    assert client.get("/terms/2020-01/").status_code == 404


# ---------------------------------------------------------------- companies that run engines


def test_a_companys_consent_is_there_where_its_engine_is(as_alice: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal"]
    rows = {row["kind"]: row for row in as_alice.get("/api/v1/consents").json()}
    assert "engine_together" not in rows
    for fact in ("fal.ai (Features & Labels, Inc.)", "United States", "random names", "an hour", "a day"):
        assert fact in rows["engine_fal"]["wording"]
    assert give(as_alice, "engine_together").json()["code"] == "invalid"
    assert give(as_alice, "engine_fal").status_code == 201


def test_a_given_consent_is_shown_and_withdrawn_where_the_company_is_gone(
    as_alice: Any, alice: Any, settings: Any
) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal"]
    give(as_alice, "engine_fal")
    settings.STUDIO_PROFILES = ["nano"]
    assert "engine_fal" in {row["kind"] for row in as_alice.get("/api/v1/consents").json()}
    assert as_alice.delete("/api/v1/consents/engine_fal").status_code == 204
    assert "engine_fal" not in {row["kind"] for row in as_alice.get("/api/v1/consents").json()}


@pytest.mark.parametrize("language, country", [("es", "Estados Unidos"), ("zh-hans", "美国")])
def test_a_companys_consent_is_kept_in_the_language_it_was_shown_in(
    as_alice: Any, alice: Any, settings: Any, language: str, country: str
) -> None:
    settings.STUDIO_PROFILES = ["nano", "together"]
    give(as_alice, "engine_together", HTTP_ACCEPT_LANGUAGE=language)
    wording = Consent.objects.get(user=alice).wording
    assert "Together AI (Together Computer, Inc.)" in wording
    assert country in wording
    assert "%(" not in wording


def test_a_companys_consent_is_in_the_archive_of_its_user(as_alice: Any, alice: Any, settings: Any) -> None:
    settings.STUDIO_PROFILES = ["nano", "fal"]
    give(as_alice, "engine_fal")
    members = {member.path: member.chunks for member in exports.account(alice)}
    (kept,) = json.loads(b"".join(members["account/consents.json"] or []))
    assert (kept["kind"], kept["withdrawn_at"]) == ("engine_fal", None)
    assert "fal.ai" in kept["wording"]


# ---------------------------------------------------------------- history


def test_a_published_wording_is_never_changed_without_a_new_version() -> None:
    """If this fails: give the kind a new version in consents.py, then add the new hashes to the file. What is
    in the file already stays there."""
    pinned = json.loads((Path(consents.__file__).parent / "wordings.json").read_text())
    for kind, (version, wording) in consents.WORDING.items():
        for language in ("en", "es", "zh-hans"):
            with override(language):
                assert pinned[kind][version][language] == sha256(str(wording)), (kind, language)


def test_giving_again_is_a_new_entry_and_the_withdrawal_stays(as_alice: Any) -> None:
    give(as_alice, "terms")
    as_alice.delete("/api/v1/consents/terms")
    give(as_alice, "terms")
    newest, oldest = as_alice.get("/api/v1/consents/history").json()
    assert (newest["withdrawn_at"], bool(oldest["withdrawn_at"])) == (None, True)
    current = as_alice.get("/api/v1/consents").json()[0]
    assert newest["sha256"] == current["sha256"] == sha256(newest["wording"])


def test_the_history_is_ones_own(as_alice: Any, as_bob: Any) -> None:
    give(as_alice, "terms")
    assert as_bob.get("/api/v1/consents/history").json() == []


@pytest.mark.parametrize("change", [{"withdrawn_at": None}, {"wording": "x"}, {"version": "2020-01"}])
def test_the_database_lets_nobody_undo_or_rewrite(alice: Any, change: dict[str, Any]) -> None:
    consents.give(alice, kind="terms", version=consents.WORDING["terms"][0])
    if "withdrawn_at" in change:
        consents.withdraw(alice, kind="terms")
    with pytest.raises(IntegrityError, match="only by its withdrawal"), transaction.atomic():
        Consent.objects.update(**change)


def test_the_page_of_the_history_shows_wording_hash_and_withdrawal(client: Any, alice: Any) -> None:
    client.force_login(alice)
    assert "not agreed to anything" in client.get("/account/consents/").text
    given = consents.give(alice, kind="terms", version=consents.WORDING["terms"][0])
    consents.withdraw(alice, kind="terms")
    page = client.get("/account/consents/").text
    assert given.sha256 in page
    assert unescape(given.wording) in unescape(page)
    assert "ended on" in page


def test_the_archive_has_the_hash_of_every_wording(alice: Any) -> None:
    given = consents.give(alice, kind="terms", version=consents.WORDING["terms"][0])
    members = {member.path: member.chunks for member in exports.account(alice)}
    (kept,) = json.loads(b"".join(members["account/consents.json"] or []))
    assert kept["sha256"] == given.sha256


def test_the_question_says_how_much_is_concerned(client: Any, trained: Any, photos: list[Any]) -> None:
    client.force_login(trained.user)
    page = client.get("/account/consents/biometric_twin/").text
    assert "<dt>Twins that are disabled</dt><dd>1</dd>" in page
    assert "<dt>Trained models that are deleted</dt><dd>1</dd>" in page
    assert "Trainings and checks" not in page  # there are none
