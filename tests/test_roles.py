"""What each role of staff may do, from both sides, and how a role is given."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.roles import RIGHTS, Role
from moderation.models import AuditEntry
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
# Rights that no role but the administrator has.
ALONE: set[str] = set()


def rights() -> set[str]:
    found = Permission.objects.select_related("content_type")
    return {f"{p.content_type.app_label}.{p.codename}" for p in found}


def staff(role: str) -> Any:
    user = staff_with()
    call_command("role", user.email, role)
    user.refresh_from_db()
    return user


def test_roles_name_only_permissions_that_there_are() -> None:
    assert set().union(*RIGHTS.values()) - rights() == set()


def test_each_right_of_our_own_belongs_to_a_role() -> None:
    own = {right for right in rights() if right.split(".")[1].split("_")[0] not in DJANGO}
    assert own - set().union(*RIGHTS.values()) == ALONE


DJANGO = ("add", "change", "delete", "view")


def test_migrate_made_the_groups_with_exactly_these_rights() -> None:
    for role, named in RIGHTS.items():
        group = Group.objects.get(name=role)
        found = group.permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{name}" for app, name in found} == named
    everything = Group.objects.get(name=Role.ADMINISTRATOR).permissions.count()
    assert everything == Permission.objects.count()


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_opens_its_pages_and_forms_and_no_others(role: str) -> None:
    client = logged_in(staff(role))
    for model in site._registry:
        app, name = model._meta.app_label, model._meta.model_name
        may = {f"{app}.view_{name}", f"{app}.change_{name}"} & RIGHTS[role]
        answer = client.get(f"/admin/{app}/{name}/").status_code
        assert answer == (200 if may else 403), f"{app}.{name}"
        adds = client.get(f"/admin/{app}/{name}/add/").status_code
        assert adds == (200 if f"{app}.add_{name}" in RIGHTS[role] else 403), f"{app}.{name}"


@pytest.mark.parametrize(
    "role, page, status",
    [
        ("moderator", "moderation/queue/", 200),
        ("support", "moderation/queue/", 403),
        ("operator", "moderation/queue/", 403),
        ("operator", "billing/invoice/figures/", 200),
        ("moderator", "billing/invoice/figures/", 403),
        ("operator", "billing/plan/add/", 200),
        ("support", "billing/plan/add/", 403),
        ("moderator", "moderation/blockedterm/lists/words/", 200),
        ("support", "moderation/blockedterm/lists/words/", 403),
        ("administrator", "moderation/queue/", 200),
    ],
)
def test_pages_of_one_role_are_closed_to_another(role: str, page: str, status: int) -> None:
    assert logged_in(staff(role)).get(f"/admin/{page}").status_code == status


def test_support_disables_a_person_and_a_moderator_does_not(alice: Any) -> None:
    form = {f"consents-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    form |= {"display_name": "X", "language": "en"}
    for role, status in (("moderator", 403), ("support", 302)):
        client = logged_in(staff(role))
        assert client.post(f"/admin/accounts/user/{alice.id}/change/", form).status_code == status
        alice.refresh_from_db()
        assert alice.is_active is (status == 403)


# ---------------------------------------------------------------- giving a role


def test_the_command_gives_one_role_takes_it_away_and_it_is_on_record(alice: Any) -> None:
    for role, rights_of in (("support", (True, False)), ("administrator", (True, True))):
        call_command("role", "Alice@example.com", role)
        alice.refresh_from_db()
        assert (alice.is_staff, alice.is_superuser) == rights_of
        assert [group.name for group in alice.groups.all()] == [role]
    staff("administrator")
    call_command("role", alice.email, "none")
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.groups.count()) == (False, False, 0)
    entries = AuditEntry.objects.filter(verb="give_role", subject_id=str(alice.id)).order_by("id")
    steps = ["- -> support", "support -> administrator", "administrator -> -"]
    assert list(entries.values_list("detail", flat=True)) == steps


def test_the_last_administrator_stays_one_and_nobody_unknown_gets_a_role(alice: Any) -> None:
    call_command("role", alice.email, "administrator")
    with pytest.raises(CommandError, match="Nobody else"):
        call_command("role", alice.email, "none")
    with pytest.raises(CommandError, match="no account"):
        call_command("role", "nobody@example.com", "support")
    alice.refresh_from_db()
    assert alice.is_superuser


@pytest.mark.parametrize("actor, role, given", [("administrator", "moderator", True), ("support", "", False)])
def test_an_administrator_gives_a_role_in_the_admin_and_support_does_not(
    alice: Any, actor: str, role: str, given: bool
) -> None:
    form = {f"consents-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    form |= {"display_name": "X", "language": "en", "is_active": "on", "role": "moderator"}
    client: Client = logged_in(user := staff(actor))
    assert client.post(f"/admin/accounts/user/{alice.id}/change/", form).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_staff, [group.name for group in alice.groups.all()]) == (given, [role] if role else [])
    assert AuditEntry.objects.filter(actor=user, verb="give_role").exists() is given
