"""Log-in with an account elsewhere: what is trusted of it, whom it makes or opens, how it is connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.test import Client

from accounts.models import Consent
from config.start import env, logins
from tests.accounts.elsewhere import CLIENT, Issuer, begin, come_back, log_in, providers
from tests.accounts.people import browser, is_in
from tests.accounts.people import log_in as with_password
from tests.conftest import person, unconfirmed

pytestmark = pytest.mark.django_db


@pytest.fixture
def issuer(settings: Any) -> Iterator[Issuer]:
    with Issuer() as made:
        settings.SOCIALACCOUNT_PROVIDERS = providers(made.address)
        yield made


def sign_up(client: Client, issuer: Issuer) -> Any:
    """Returns the new user."""
    assert log_in(client, issuer)["Location"] == "/accounts/3rdparty/signup/"
    page = client.get("/accounts/3rdparty/signup/").text
    assert "ana@example.com" in page
    assert "you agree" in page
    client.post("/accounts/3rdparty/signup/", {"terms": "", "email": "eve@example.com"})
    return SocialAccount.objects.get().user


def test_somebody_new_agrees_to_the_terms_and_comes_back_to_the_same_account(
    client: Client, issuer: Issuer
) -> None:
    user = sign_up(client, issuer)
    assert (user.email, user.proven_address, user.has_usable_password()) == (*["ana@example.com"] * 2, False)
    assert Consent.objects.get(user=user).kind == "terms"
    assert SocialAccount.objects.get().extra_data == {"email": "ana@example.com"}
    other = browser()
    log_in(other, issuer)
    assert is_in(client)
    assert other.session["_auth_user_id"] == str(user.pk)
    assert get_user_model().objects.count() == 1


def test_the_address_there_has_state_nonce_and_pkce_and_the_code_is_exchanged_with_the_verifier(
    client: Client, issuer: Issuer
) -> None:
    import hashlib
    from base64 import urlsafe_b64encode

    log_in(client, issuer)
    assert issuer.asked.keys() >= {"state", "nonce", "code_challenge", "redirect_uri"}
    assert (issuer.asked["code_challenge_method"], issuer.asked["client_id"]) == ("S256", CLIENT)
    digest = hashlib.sha256(issuer.posted["code_verifier"].encode()).digest()
    assert urlsafe_b64encode(digest).decode().rstrip("=") == issuer.asked["code_challenge"]


@pytest.mark.parametrize(
    "claims, sign",
    [
        ({"iss": "https://evil.example"}, {}),
        ({"aud": "another"}, {}),
        ({"aud": [CLIENT, "another"], "azp": "another"}, {}),
        ({"exp": 1000}, {}),
        ({"exp": None}, {}),
        ({"nonce": "x"}, {}),
        ({"nonce": None}, {}),
        ({"sub": "somebody else"}, {}),
        ({}, {"headers": {"kid": "k2"}}),
        ({}, {"headers": {}}),
        ({}, {"key": "x" * 32, "algorithm": "HS256"}),
        ({}, {"key": None, "algorithm": "none"}),
    ],
)
def test_a_token_that_was_not_made_for_this_log_in_opens_nothing(
    client: Client, issuer: Issuer, claims: dict[str, Any], sign: dict[str, Any]
) -> None:
    issuer.claims, issuer.sign = claims, sign
    answer = log_in(client, issuer)
    assert (answer.status_code, "login_refused" in answer.text, is_in(client)) == (401, True, False)
    assert get_user_model().objects.count() == 0


def test_a_discovery_document_of_another_issuer_and_one_that_does_not_answer_stop_the_log_in(
    client: Client, issuer: Issuer
) -> None:
    for issuer.config, issuer.down in (({"issuer": "https://evil.example"}, False), ({}, True)):
        answer = begin(client, issuer)
        assert (answer.status_code, "provider_unavailable" in answer.text) == (502, True)
    issuer.down = False
    begin(client, issuer)
    issuer.down = True
    assert "provider_unavailable" in come_back(client, issuer).text


def test_an_answer_without_a_log_in_of_this_browser_or_a_second_time_opens_nothing(
    client: Client, issuer: Issuer
) -> None:
    begin(client, issuer)
    stranger = browser()
    for who in (stranger, client, client):
        answer = come_back(who, issuer)
    assert (answer.status_code, "login_expired" in answer.text) == (400, True)
    assert "login_expired" in come_back(stranger, issuer).text
    begin(client, issuer)
    assert "login_cancelled" in come_back(client, issuer, error="access_denied").text


@pytest.mark.parametrize("verified", [False, None, "false"])
def test_an_address_that_the_provider_has_not_confirmed_makes_and_links_nothing(
    client: Client, issuer: Issuer, alice: Any, verified: Any
) -> None:
    issuer.info = {"email": "alice@example.com", "email_verified": verified}
    answer = log_in(client, issuer)
    assert (answer.status_code, "provider_email_unproven" in answer.text) == (403, True)
    assert SocialAccount.objects.count() == 0
    assert not is_in(client)


def test_who_has_an_account_with_the_address_logs_in_first_and_connects(issuer: Issuer) -> None:
    ana, client = person("ana@example.com"), browser()
    answer = log_in(client, issuer)
    assert (answer.status_code, "account_exists" in answer.text, is_in(client)) == (409, True, False)
    assert with_password(client, ana.email)
    assert log_in(client, issuer, process="connect")["Location"] == "/accounts/reauthenticate/"
    assert SocialAccount.objects.count() == 0  # not before a fresh proof
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    assert SocialAccount.objects.get().user == ana
    assert "Acme" in client.get("/accounts/2fa/").text
    again = browser()
    log_in(again, issuer)
    assert is_in(again)


def test_an_account_elsewhere_with_somebody_elses_address_is_not_connected(
    issuer: Issuer, alice: Any
) -> None:
    person("ana@example.com")
    client = browser()
    with_password(client, alice.email)
    answer = log_in(client, issuer, process="connect")
    assert (answer.status_code, "provider_email_of_another" in answer.text) == (409, True)
    issuer.info = {"email": "new@example.com", "email_verified": False}
    assert "provider_email_unproven" in log_in(client, issuer, process="connect").text
    assert SocialAccount.objects.count() == 0


def test_one_account_elsewhere_opens_one_account_here(client: Client, issuer: Issuer, alice: Any) -> None:
    user, other = sign_up(client, issuer), browser()
    with_password(other, alice.email)
    other.post("/accounts/reauthenticate/", {"password": "a long password"})
    log_in(other, issuer, process="connect")
    assert "connected to another account" in other.get("/accounts/3rdparty/").text
    assert SocialAccount.objects.get().user == user


def test_who_only_typed_the_address_before_loses_it_to_its_owner(client: Client, issuer: Issuer) -> None:
    early = unconfirmed(person("ana@example.com"))
    user = sign_up(client, issuer)
    early.refresh_from_db()
    assert (user.email, early.email) == ("ana@example.com", None)
    assert EmailAddress.objects.get(verified=True).user == user


def test_an_address_that_somebody_proves_before_the_terms_are_agreed_to_makes_no_account(
    client: Client, issuer: Issuer
) -> None:
    log_in(client, issuer)
    person("ana@example.com")
    for _twice in range(2):
        answer = client.post("/accounts/3rdparty/signup/", {"terms": ""})
    assert get_user_model().objects.count() == 1
    assert (SocialAccount.objects.count(), is_in(client)) == (0, False)
    assert answer.status_code in (302, 409)


def test_a_stranger_who_connected_theirs_keeps_no_way_in_when_the_owner_proves_the_address(
    issuer: Issuer,
) -> None:
    from accounts.addresses import drop_other_ways_in

    ana = person("other@example.com")
    SocialAccount.objects.create(user=ana, provider="acme", uid="u1")
    client = browser()
    client.get("/accounts/login/")
    request: Any = client.get("/accounts/login/").wsgi_request
    drop_other_ways_in(request, EmailAddress.objects.get(user=ana), holds_session=False)
    assert SocialAccount.objects.count() == 0


def test_the_last_way_in_is_not_removed_and_another_is(client: Client, issuer: Issuer) -> None:
    user = sign_up(client, issuer)
    account = {"account": SocialAccount.objects.get().pk}
    assert "Set a password first" in client.post("/accounts/3rdparty/", account).text
    user.refresh_from_db()
    user.set_password("a long password")
    user.save()
    client = browser()
    with_password(client, user.email)
    assert client.post("/accounts/3rdparty/", account)["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    client.post("/accounts/3rdparty/", account)
    assert SocialAccount.objects.count() == 0


def test_a_stranger_removes_nothing_of_mine(client: Client, issuer: Issuer, bob: Any) -> None:
    sign_up(client, issuer)
    other = browser()
    with_password(other, bob.email)
    other.post("/accounts/reauthenticate/", {"password": "a long password"})
    other.post("/accounts/3rdparty/", {"account": SocialAccount.objects.get().pk})
    assert SocialAccount.objects.count() == 1


def test_who_has_no_password_confirms_by_another_log_in(client: Client, issuer: Issuer) -> None:
    sign_up(client, issuer)
    session = client.session
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [r | {"at": r["at"] - 600} for r in records]
    session.save()
    for page, form in (("/account/everything/", {}), ("/account/erase/", {})):
        client.post(page, form)
    assert client.get("/accounts/password/set/")["Location"].startswith("/account/confirm/")
    changed = client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    assert changed["Location"].startswith("/account/confirm/?next=")
    assert "Log in with Acme" in client.get(changed["Location"]).text
    log_in(client, issuer, next="/accounts/email/")
    assert client.get("/accounts/password/set/").status_code == 200
    assert client.post("/account/everything/", {})["Location"].startswith("/account/archives/")
    client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    assert EmailAddress.objects.filter(email="new@example.com").exists()


def test_buttons_stand_there_for_what_is_configured_alone(
    client: Client, issuer: Issuer, settings: Any
) -> None:
    assert "Log in with Acme" in client.get("/accounts/login/").text
    settings.SOCIALACCOUNT_PROVIDERS = logins.configured().providers
    assert "Log in with Acme" not in client.get("/accounts/login/").text
    assert client.post("/accounts/oidc/acme/login/").status_code == 404
    assert client.get("/accounts/google/login/").status_code == 404


def test_apps_do_not_log_in_with_a_token_from_elsewhere(client: Client, issuer: Issuer) -> None:
    for path in ("auth/provider/token", "auth/provider/signup", "account/providers"):
        assert client.post(f"/_allauth/app/v1/{path}", {}, "application/json").status_code == 404


# ---------------------------------------------------------------- what operators set


def configure(monkeypatch: pytest.MonkeyPatch, **settings: str) -> logins.Logins:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return logins.configured()


def test_operators_name_issuers_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    found = configure(
        monkeypatch,
        **{f"GOOGLE_CLIENT_{part}": "g" for part in ("ID", "SECRET")},
        **{f"GITHUB_CLIENT_{part}": "h" for part in ("ID", "SECRET")},
        **{f"APPLE_{part}": "a" for part in ("CLIENT_ID", "TEAM_ID", "KEY_ID", "PRIVATE_KEY")},
        **{f"OIDC_ACME_{part}": "o" for part in ("CLIENT_ID", "CLIENT_SECRET", "NAME")},
        OIDC_ISSUERS="acme=https://id.example/",
    )
    names = [app["provider_id"] for app in found.providers["openid_connect"]["APPS"]]
    assert (names, found.providers.keys()) == (["google", "acme"], {"openid_connect", "apple", "github"})
    places = {
        "https://accounts.google.com",
        "https://id.example",
        "https://appleid.apple.com",
        "https://github.com",
    }
    assert set(found.pages) == places


@pytest.mark.parametrize(
    "settings",
    [
        {"GOOGLE_CLIENT_ID": "g"},
        {"APPLE_CLIENT_ID": "a"},
        {"OIDC_ISSUERS": "acme=http://id.example"},
        {"OIDC_ISSUERS": "Ac-me=https://id.example"},
        {"OIDC_ISSUERS": "acme"},
        {"OIDC_ISSUERS": "acme=https://id.example"},
    ],
)
def test_half_a_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    with pytest.raises(env.Misconfigured):
        configure(monkeypatch, **settings)
