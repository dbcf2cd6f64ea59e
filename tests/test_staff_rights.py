"""Staff can change users' accounts, but not other staff and not their own rights."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from moderation.models import AuditEntry
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def helper() -> Any:
    return staff_with(*(f"accounts.{verb}_user" for verb in ("view", "change", "add", "delete")))


@pytest.fixture
def superuser() -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_superuser("root@example.com", "a long password")


def change(actor: Any, user: Any, **fields: Any) -> int:
    """Posts the form of a user's admin page. Without `is_active` it disables the account."""
    inline = {f"consents-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    form = {"display_name": "X", "language": "en"} | inline | fields
    return logged_in(actor).post(f"/admin/accounts/user/{user.id}/change/", form).status_code


def test_staff_disable_a_person_and_it_is_on_record(helper: Any, alice: Any) -> None:
    assert change(helper, alice) == 302
    alice.refresh_from_db()
    assert not alice.is_active
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.verb, entry.subject_id) == (helper, "change_user", str(alice.id))


def test_the_event_streams_of_a_disabled_account_end(
    helper: Any, alice: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from config.runs import events

    told: list[Any] = []
    monkeypatch.setattr(events, "_publish", lambda user_id, message: told.append((user_id, message)))
    for fields, ended in (({"is_active": "on"}, []), ({}, [(alice.id, {"model": events.END, "id": ""})])):
        with django_capture_on_commit_callbacks(execute=True):
            assert change(helper, alice, **fields) == 302
        assert told == ended


def test_staff_change_no_superuser_no_other_staff_and_not_themselves(helper: Any, superuser: Any) -> None:
    for user in (superuser, staff_with(), helper):
        assert change(helper, user, is_superuser="on") == 403
        user.refresh_from_db()
        assert user.is_active
    assert not helper.is_superuser


def test_staff_give_nobody_rights(helper: Any, alice: Any) -> None:
    group = Group.objects.create(name="everything")
    rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.id], "role": "administrator"}
    assert change(helper, alice, is_active="on", **rights) == 302
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.groups.count()) == (False, False, 0)


def test_staff_give_no_rights_to_a_group_that_they_are_in() -> None:
    helper = staff_with(*(f"auth.{verb}_group" for verb in ("view", "change", "add", "delete")))
    group = Group.objects.create(name="helpers")
    helper.groups.add(group)
    form = {"name": "helpers", "permissions": [Permission.objects.get(codename="retry_job").id]}
    assert logged_in(helper).post(f"/admin/auth/group/{group.id}/change/", form).status_code == 403
    assert group.permissions.count() == 0


@pytest.mark.parametrize("page", ["account/emailaddress", "mfa/authenticator", "usersessions/usersession"])
def test_how_somebody_logs_in_is_looked_at_and_not_changed(superuser: Any, alice: Any, page: str) -> None:
    client = logged_in(superuser)
    assert client.get(f"/admin/{page}/").status_code == 200
    assert client.get(f"/admin/{page}/add/").status_code == 403


def test_no_page_shows_a_secret_of_a_second_factor_or_the_key_of_a_session(
    superuser: Any, alice: Any
) -> None:
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    factor = Authenticator.objects.create(user=alice, type="totp", data={"secret": "JBSWY3DP"})
    session = UserSession.objects.create(
        user=alice, session_key="k3y0fs3ss10n", ip="127.0.0.1", user_agent="x"
    )
    client = logged_in(superuser)
    shown = client.get(f"/admin/mfa/authenticator/{factor.id}/change/").content
    shown += client.get(f"/admin/usersessions/usersession/{session.id}/change/").content
    assert b"JBSWY3DP" not in shown
    assert b"k3y0fs3ss10n" not in shown
