"""Staff enter the admin with a second factor, proved at most four hours ago."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from moderation.models import AuditEntry
from tests.rights import SECRET, code, logged_in, prove, staff_with

pytestmark = pytest.mark.django_db
HOUR = 3600
PAGE = "/admin/accounts/user/"


@pytest.fixture
def boss() -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_superuser("boss@example.com", "a long password")


def where(client: Client, page: str = PAGE) -> str:
    """The page at which somebody who asks for `page` ends."""
    answer = client.get(page, follow=True)
    return str(answer.redirect_chain[-1][0] if answer.redirect_chain else page)


def log_in(client: Client, email: str = "boss@example.com", to: str = PAGE) -> str:
    form = {"login": email, "password": "a long password", "next": to}
    return str(client.post("/accounts/login/", form)["Location"])


@pytest.mark.django_db(transaction=True)  # allauth tells of a new factor when the transaction ends
def test_the_first_superuser_sets_an_app_up_and_then_sees_the_page_that_was_asked_for(boss: Any) -> None:
    client = Client()
    assert where(client) == f"/accounts/login/?next={PAGE}"
    assert log_in(client) == PAGE
    page = client.get(PAGE, follow=True)  # the password again, before a change of the account
    assert "Set one up first" in page.content.decode()
    assert page.redirect_chain[-1][0].startswith("/accounts/reauthenticate/?next=")
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    client.get("/accounts/2fa/totp/activate/")
    session = client.session
    session["mfa.totp.secret"] = SECRET
    session.save()
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code()}, follow=True)
    assert 'href="/admin/login/"' in answer.content.decode()
    assert where(client, "/admin/login/") == PAGE
    assert client.get(PAGE).status_code == 200


def test_who_logs_in_with_a_code_is_let_in_without_another(boss: Any) -> None:
    prove(Client(), boss)
    client = Client()
    assert log_in(client) == "/accounts/2fa/authenticate/"
    assert where(client) == "/accounts/2fa/authenticate/"  # the password alone is no log-in
    assert client.post("/accounts/2fa/authenticate/", {"code": code()})["Location"] == PAGE
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize("hours, opens", [(3.9, True), (4.1, False)])
def test_the_stay_ends_after_four_hours_and_a_code_begins_another(hours: float, opens: bool) -> None:
    user = staff_with("accounts.view_user")
    client = logged_in(user)
    prove(client, user, ago=hours * HOUR)
    assert (client.get(PAGE).status_code == 200) is opens
    if not opens:
        assert where(client) == f"/accounts/2fa/reauthenticate/?next={PAGE}"
        assert client.get("/twins/").status_code == 200  # the rest of the product stays open
        assert client.post(where(client), {"code": code(), "next": PAGE})["Location"] == PAGE
        assert client.get(PAGE).status_code == 200


def test_work_in_the_admin_does_not_extend_the_stay() -> None:
    user = staff_with("accounts.view_user")
    client = logged_in(user)
    prove(client, user, ago=3.99 * HOUR)
    before = client.session["account_authentication_methods"]
    client.get(PAGE)
    assert client.session["account_authentication_methods"] == before


def test_an_older_session_the_password_again_and_a_bearer_do_not_open_the_admin(boss: Any) -> None:
    client = Client()
    client.force_login(boss)
    prove(Client(), boss)
    client.post("/accounts/reauthenticate/", {"password": "a long password"})
    assert where(client) == f"/accounts/2fa/reauthenticate/?next={PAGE}"


def test_a_session_and_the_password_do_not_lead_to_recovery_codes(boss: Any) -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    client = Client()
    client.force_login(boss)
    prove(Client(), boss)
    RecoveryCodes.activate(boss)
    app = {"X-Session-Token": client.session.session_key}
    api = "/_allauth/app/v1"
    again = client.post(
        f"{api}/auth/reauthenticate", {"password": "a long password"}, "application/json", headers=app
    )
    assert again.status_code == 200
    for page in ("", "generate/", "download/"):
        assert "/2fa/reauthenticate/" in client.get(f"/accounts/2fa/recovery-codes/{page}")["Location"]
    codes = f"{api}/account/authenticators/recovery-codes"
    assert client.get(codes, headers=app).status_code == 401
    assert client.post(codes, "{}", "application/json", headers=app).status_code == 401


def test_the_admins_own_form_logs_nobody_in(boss: Any) -> None:
    client = logged_in(staff_with("accounts.view_user"))
    form = {"username": boss.email, "password": "a long password"}
    for somebody in (client, Client()):
        somebody.post("/admin/login/", form)
        assert somebody.session.get("_auth_user_id") != str(boss.pk)


def test_every_page_of_the_admin_is_behind_the_door(boss: Any) -> None:
    client = Client()
    client.force_login(boss)
    pages = (
        "",
        "password_change/",
        "jsi18n/",
        "autocomplete/",
        "billing/invoice/figures/",
        "auth/group/add/",
    )
    for page in pages:
        assert client.get(f"/admin/{page}")["Location"].startswith("/admin/login/?next="), page


def test_staff_do_not_take_their_own_factor_away_and_others_do(boss: Any, alice: Any) -> None:
    from allauth.mfa.models import Authenticator

    for user, left in ((boss, 1), (alice, 0)):
        client = logged_in(user)
        client.post("/accounts/2fa/reauthenticate/", {"code": code()})
        client.post("/accounts/2fa/totp/deactivate/")
        assert Authenticator.objects.filter(user=user).count() == left


def test_the_command_line_resets_a_lost_factor_and_ends_the_sessions(boss: Any) -> None:
    from allauth.mfa.models import Authenticator

    client = logged_in(boss)
    client.get("/twins/")
    call_command("reset_second_factor", "Boss@example.com", reason="seen in person")
    assert not Authenticator.objects.filter(user=boss).exists()
    assert where(client) == f"/accounts/login/?next={PAGE}"
    entry = AuditEntry.objects.get(verb="reset_second_factor")
    assert (entry.actor, entry.subject_id, entry.detail) == (None, str(boss.id), "seen in person")
    with pytest.raises(CommandError, match="no account"):
        call_command("reset_second_factor", "nobody@example.com", reason="x")


def test_the_page_that_comes_next_is_one_of_the_admin(boss: Any) -> None:
    client = logged_in(boss)
    for wish in ("https://evil.example/", "//evil.example", "/admin/login/?next=/admin/login/", "/studio/"):
        assert client.get("/admin/login/", {"next": wish})["Location"] == "/admin/"
    assert re.match("/admin/billing/", client.get("/admin/login/?next=/admin/billing/plan/")["Location"])
