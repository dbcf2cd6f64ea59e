"""Google, Apple and GitHub, whose services no test reaches: what they are asked is what their documents ask
for, and an answer of the documented shape logs in."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers import registry
from django.contrib.auth import get_user_model
from django.test import Client

from accounts.social.apple import Provider as Apple
from accounts.social.github import Provider as GitHub
from config.start import logins
from tests.accounts import far
from tests.accounts.people import is_in

pytestmark = pytest.mark.django_db
HERE = "http://testserver/accounts"
ANA = "ana@example.com"
APPLE_ID, RELAY = "001234.abcdef.0123", "x7k2@privaterelay.appleid.com"
GITHUB, GITHUB_API = "https://github.com/login/oauth", "https://api.github.com/user"


@pytest.fixture(autouse=True)
def wire(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[far.Far]:
    """All three, set as an operator sets them."""
    for name in ("GOOGLE_CLIENT_ID", "GITHUB_CLIENT_ID"):
        monkeypatch.setenv(name, "photoflux")
        monkeypatch.setenv(name.replace("ID", "SECRET"), "a secret")
    ours = {"CLIENT_ID": "example.photoflux", "TEAM_ID": "TEAM", "KEY_ID": "KEY"}
    for name, value in (ours | {"PRIVATE_KEY": far.our_file()}).items():
        monkeypatch.setenv(f"APPLE_{name}", value)
    settings.SOCIALACCOUNT_PROVIDERS = logins.configured().providers
    settings.SOCIALACCOUNT_ADAPTER, settings.ROOT_URLCONF = "tests.accounts.far.Adapter", "tests.accounts.far"
    registry.get_class_list()
    for kind in (Apple, GitHub):
        registry.register(kind)
    far.Far.answers, far.Far.asked = {}, []
    yield far.Far()
    for kind in (Apple, GitHub):
        del registry.provider_map[kind.id]


def begin(client: Client, where: str) -> tuple[str, dict[str, str]]:
    answer = client.post(f"/accounts/{where}/login/")
    return far.address(answer)


def agreed(client: Client) -> Any:
    """The account of somebody new, who agrees to the terms."""
    client.post("/accounts/3rdparty/signup/", {"terms": ""})
    assert is_in(client)
    return SocialAccount.objects.get()


# ---------------------------------------------------------------- Google


def test_google_is_asked_and_understood_as_it_documents(client: Client, wire: far.Far) -> None:
    wire.answers["https://accounts.google.com/.well-known/openid-configuration"] = far.GOOGLE_PLACES
    where, asked = begin(client, "oidc/google")
    assert where == "https://accounts.google.com/o/oauth2/v2/auth"
    assert set(asked.pop("scope").split()) == {"openid", "email", "profile"}
    state, nonce = asked.pop("state"), asked.pop("nonce")
    assert asked.pop("code_challenge")
    back = f"{HERE}/oidc/google/login/callback/"
    assert asked == {
        "client_id": "photoflux",
        "redirect_uri": back,
        "response_type": "code",
        "code_challenge_method": "S256",
    }
    who = {"sub": "10769150350006150715113082367", "email": ANA, "email_verified": True}
    token = far.signed(
        iss="https://accounts.google.com", aud="photoflux", azp="photoflux", nonce=nonce, at_hash="h", **who
    )
    wire.answers |= {
        "https://oauth2.googleapis.com/token": far.APPLE_TOKEN | {"id_token": token, "scope": "openid"},
        "https://www.googleapis.com/oauth2/v3/certs": far.keys(),
        "https://openidconnect.googleapis.com/v1/userinfo": who | {"picture": "https://a.example/p"},
    }
    client.get("/accounts/oidc/google/login/callback/", {"code": "c", "state": state})
    form, request = wire.posted("https://oauth2.googleapis.com/token")
    if "Authorization" in request.headers:
        assert b64decode(request.headers["Authorization"].split()[1]) == b"photoflux:a secret"
    else:
        assert (form["client_id"], form["client_secret"]) == ("photoflux", "a secret")
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == ("authorization_code", "c", back)
    assert form["code_verifier"]
    found = agreed(client)
    assert (found.uid, found.user.email) == (who["sub"], ANA)


# ---------------------------------------------------------------- Apple


def apple(wire: far.Far, **claims: Any) -> Client:
    """A browser that comes back from Apple, whose token says this."""
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    form = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    asked = far.address(client.post("/accounts/apple/login/", form))[1]
    told = {"iss": "https://appleid.apple.com", "aud": "example.photoflux", "sub": APPLE_ID} | claims
    wire.answers |= {
        "https://appleid.apple.com/auth/token": far.APPLE_TOKEN | {"id_token": far.signed(**told)},
        "https://appleid.apple.com/auth/keys": far.keys(),
    }
    return posts_back(client, asked["state"])


def posts_back(client: Client, state: str, **form: str) -> Client:
    """Apple's page posts its answer: a request from another site, which cookies of ours are not sent with."""
    bare = Client(enforce_csrf_checks=True, headers={"Origin": "https://appleid.apple.com"})
    user = json.dumps({"name": {"firstName": "Ana"}, "email": "victim@example.com", "email_verified": True})
    answer = bare.post("/accounts/apple/login/callback/", {"code": "c", "state": state, "user": user, **form})
    assert answer.status_code == 302
    assert set(bare.cookies) == {"apple-login-session"}
    client.cookies.update(bare.cookies)
    client.end = client.get(answer["Location"])  # type: ignore[attr-defined]
    return client


def test_apple_is_asked_as_it_documents(client: Client) -> None:
    where, asked = begin(client, "apple")
    assert where == "https://appleid.apple.com/auth/authorize"
    assert set(asked.pop("scope").split()) == {"name", "email"}
    assert asked.pop("state")
    assert asked == {
        "client_id": "example.photoflux",
        "redirect_uri": f"{HERE}/apple/login/callback/",
        "response_mode": "form_post",
        "response_type": "code id_token",
    }


@pytest.mark.parametrize("address, verified", [(ANA, "true"), (ANA, True), (RELAY, "true")])
def test_an_account_of_apple_logs_in(wire: far.Far, address: str, verified: Any) -> None:
    client = apple(wire, email=address, email_verified=verified, is_private_email=address == RELAY)
    client.handler.enforce_csrf_checks = False
    found = agreed(client)
    assert (found.uid, found.user.email, found.user.display_name) == (APPLE_ID, address, "")
    again = apple(wire, email=address, email_verified=verified)
    assert is_in(again)
    assert get_user_model().objects.count() == 1


def test_the_secret_for_apple_is_a_token_that_our_key_signs(wire: far.Far) -> None:
    apple(wire, email=ANA, email_verified="true")
    form, _request = wire.posted("https://appleid.apple.com/auth/token")
    secret = form.pop("client_secret")
    head = jwt.get_unverified_header(secret)
    assert (head["alg"], head["kid"]) == ("ES256", "KEY")
    said = jwt.decode(secret, far.our_key().public_key(), ["ES256"], audience="https://appleid.apple.com")
    assert (said["iss"], said["sub"]) == ("TEAM", "example.photoflux")
    assert 0 < said["exp"] - said["iat"] < 15_777_000  # Apple takes at most six months
    assert form == {
        "client_id": "example.photoflux",
        "code": "c",
        "grant_type": "authorization_code",
        "redirect_uri": f"{HERE}/apple/login/callback/",
    }


@pytest.mark.parametrize(
    "claims, code",
    [
        ({}, "provider_email_unproven"),  # though the form that the browser posts holds one
        ({"email": ANA, "email_verified": "false"}, "provider_email_unproven"),
        ({"email": ANA, "email_verified": True, "aud": "another.app"}, "login_refused"),
        ({"email": ANA, "email_verified": True, "iss": "https://evil.example"}, "login_refused"),
        ({"email": ANA, "email_verified": True, "exp": 1000}, "login_refused"),
    ],
)
def test_what_apple_did_not_say_opens_nothing(wire: far.Far, claims: dict[str, Any], code: str) -> None:
    end = apple(wire, **claims).end  # type: ignore[attr-defined]
    assert code in end.text
    assert not EmailAddress.objects.exists()


def test_apples_refusals_are_pages(wire: far.Far, client: Client) -> None:
    client = apple(wire, email=ANA, email_verified=True)
    place = "https://appleid.apple.com/auth/token"
    for said in ((400, {"error": "invalid_grant"}), {"access_token": "a"}, [], 7):
        wire.answers[place] = said
        state = begin(client := Client(), "apple")[1]["state"]
        assert "login_refused" in posts_back(client, state).end.text  # type: ignore[attr-defined]
    assert "login_expired" in posts_back(client, "of nobody").end.text  # type: ignore[attr-defined]
    state = begin(client, "apple")[1]["state"]
    answer = Client().post(
        "/accounts/apple/login/callback/", {"error": "user_cancelled_authorize", "state": state}
    )
    assert "login_" in client.get(answer["Location"]).text


# ---------------------------------------------------------------- GitHub


def github(client: Client, wire: far.Far, person: Any, emails: Any) -> Any:
    state = begin(client, "github")[1]["state"]
    wire.answers.setdefault(
        f"{GITHUB}/access_token", "access_token=gho_16C7e42F&scope=read%3Auser&token_type=bearer"
    )
    wire.answers |= {GITHUB_API: person, f"{GITHUB_API}/emails": emails}
    return client.get("/accounts/github/login/callback/", {"code": "c", "state": state})


def test_github_is_asked_and_understood_as_it_documents(client: Client, wire: far.Far) -> None:
    where, asked = begin(client, "github")
    assert where == f"{GITHUB}/authorize"
    assert set(asked.pop("scope").split()) == {"read:user", "user:email"}
    assert asked.keys() >= {"state", "code_challenge"}
    back = f"{HERE}/github/login/callback/"
    assert (asked["client_id"], asked["redirect_uri"]) == ("photoflux", back)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    emails = [
        {"email": "old@example.com", "primary": False, "verified": True, "visibility": None},
        {"email": ANA, "primary": True, "verified": True, "visibility": "private"},
    ]
    github(client, wire, {"id": 583231, "login": "ana", "name": None, "email": None}, emails)
    form, _request = wire.posted(f"{GITHUB}/access_token")
    assert form.pop("code_verifier")
    assert form == {
        "client_id": "photoflux",
        "client_secret": "a secret",
        "code": "c",
        "grant_type": "authorization_code",
        "redirect_uri": back,
    }
    assert wire.asked[-1].headers["Authorization"] == "token gho_16C7e42F"
    found = agreed(client)
    assert (found.uid, found.user.email) == ("583231", ANA)


@pytest.mark.parametrize(
    "token, person, emails, code",
    [
        ("error=bad_verification_code&error_description=x", {}, [], "login_refused"),
        ("access_token=a", {"message": "Bad credentials"}, [], "login_refused"),
        ("access_token=a", [], [], "login_refused"),
        ("access_token=a", {"id": 1}, [{"email": ANA}], "login_refused"),
        ("access_token=a", (503, {}), [], "provider_unavailable"),
        ("access_token=a", {"id": 1, "email": ANA}, (404, {}), "provider_email_unproven"),
        (
            "access_token=a",
            {"id": 1, "email": ANA},
            [{"email": ANA, "primary": True, "verified": False}],
            "provider_email_unproven",
        ),
    ],
)
def test_what_github_did_not_confirm_opens_nothing(
    client: Client, wire: far.Far, token: str, person: Any, emails: Any, code: str
) -> None:
    wire.answers[f"{GITHUB}/access_token"] = token
    assert code in github(client, wire, person, emails).text
    assert not EmailAddress.objects.exists()
