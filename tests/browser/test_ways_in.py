"""On a phone: an account is made by another one at a real provider, a passkey is added, the locked area is
opened with it, and so is the account."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from tests import idp
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over
from tests.processes import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
AUTHENTICATOR = {
    **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True},
    **{"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True},
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process, url = idp.start(port, tmp_path_factory.mktemp("idp")), f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(url))
    yield url
    process.terminate()
    process.wait()


def _answers(url: str) -> bool:
    try:
        return bool(httpx2.get(f"{url}/.well-known/openid-configuration", trust_env=False).status_code == 200)
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="module")
def environment(issuer: str) -> dict[str, str]:
    more = {
        "OIDC_ACME_CLIENT_ID": idp.CLIENT,
        "OIDC_ACME_CLIENT_SECRET": idp.SECRET,
        "OIDC_ACME_NAME": "Acme",
    }
    return more | {"OIDC_ISSUERS": f"acme={issuer}"}


def with_authenticator(page: Page) -> None:
    """Chromium's virtual one, which is a phone with a finger on it."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    chromium.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def seen(page: Page, name: str, size: str, theme: str) -> None:
    shot(page, f"{name}-{size}-{theme}")
    assert looked_over(page) == []


@pytest.mark.parametrize(
    "size, theme", [("phone", "dark"), pytest.param("desktop", "light", marks=pytest.mark.thorough)]
)
def test_from_another_account_to_a_passkey(site: Site, issuer: str, size: str, theme: str) -> None:
    # Passkeys belong to names, and an address is none.
    here = site.url.replace("127.0.0.1", "localhost")
    redirect = {"redirect": f"{here}/accounts/oidc/acme/login/callback/"}
    httpx2.post(f"{issuer}/clients", data=redirect, trust_env=False).raise_for_status()
    page = site.visit(size, theme)
    with_authenticator(page)
    sign_up(page, here, size, theme)
    add_passkey(page, here, size, theme)
    prove_with_passkey(page, here, size, theme)
    page.goto(f"{here}/gallery/locked/")
    seen(page, "locked-passkey", size, theme)
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("Open for 10 more minutes")).to_be_visible()
    page.goto(f"{here}/account/")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{here}/")
    page.goto(f"{here}/accounts/login/")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(f"{here}/twins/")
    user: Any = get_user_model().objects.get(email=idp.EMAIL)
    assert Authenticator.objects.get(user=user, type="webauthn").last_used_at
    assert site.complaints == []


def sign_up(page: Page, here: str, size: str, theme: str) -> None:
    """With the account at the provider."""
    page.goto(f"{here}/accounts/login/")
    seen(page, "login-ways", size, theme)
    page.get_by_role("button", name="Log in with Acme").click()
    page.locator("#id_login").fill("ana")
    page.locator("#id_password").fill(idp.PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_text(idp.EMAIL)).to_be_visible()
    seen(page, "login-signup", size, theme)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page).to_have_url(f"{here}/twins/")


def add_passkey(page: Page, here: str, size: str, theme: str) -> None:
    page.goto(f"{here}/accounts/2fa/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("phone")
    seen(page, "passkey-add", size, theme)
    page.get_by_role("button", name="Add the passkey").click()
    expect(page).to_have_url(f"{here}/accounts/2fa/recovery-codes/")
    page.goto(f"{here}/accounts/2fa/")
    seen(page, "security", size, theme)


def prove_with_passkey(page: Page, here: str, size: str, theme: str) -> None:
    """On the page that asks who it is, before a change of the account."""
    again = f"{here}/accounts/2fa/webauthn/reauthenticate/?next=/accounts/email/"
    old = page.context.new_page()
    old.add_init_script("delete window.PublicKeyCredential")
    old.goto(again)
    expect(old.get_by_text("This browser is too old for passkeys.")).to_be_visible()
    page.goto(again)
    seen(page, "passkey-again", size, theme)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{here}/accounts/email/")
