"""Roles of staff: groups with these permissions and no others. `manage.py migrate` makes them so each time.

Staff have one role. An administrator is a superuser and may do everything; the others may do what is listed.
The permissions belong to apps that import this one, so they are named as text; tests/test_roles.py compares
the names with those that there are.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from config import registry
from config.errors import DomainError


class Role(models.TextChoices):
    SUPPORT = "support", _("support")
    MODERATOR = "moderator", _("moderator")
    OPERATOR = "operator", _("operator")
    ADMINISTRATOR = "administrator", _("administrator")


class LastAdministrator(DomainError):
    code, status = "last_administrator", 409
    message = _("Nobody else is an administrator. Make somebody else one first.")


def _views(app: str, *names: str) -> set[str]:
    return {f"{app}.view_{name}" for name in names}


def _edits(app: str, *names: str) -> set[str]:
    return {f"{app}.{verb}_{name}" for name in names for verb in ("view", "add", "change", "delete")}


PEOPLE = _views("accounts", "user", "consent")

RIGHTS: dict[str, set[str]] = {
    # Answers people: their account, their runs that failed, their payments.
    Role.SUPPORT: {
        *PEOPLE,
        "accounts.change_user",
        *_views("account", "emailaddress"),
        *_views("mfa", "authenticator"),
        *_views("socialaccount", "socialaccount"),
        *_views("usersessions", "usersession"),
        *_views("accounts", "export", "privacyrequest", "suspension"),
        "accounts.change_privacyrequest",
        *_views("billing", "wallet", "transfer", "invoice", "subscription"),
        *("billing.grant_credits", "billing.refund_invoice"),
        *_views("twins", "twin", "training", "redo"),
        *_views("generation", "job", "restoration"),
        *("twins.retry_training", "generation.retry_job"),
        *_views("support", "feedback", "helpvote", "ticket", "heldmail"),
        *("support.change_feedback", "support.answer_ticket", "support.look_attachment"),
        *_edits("support", "cannedanswer"),
    },
    # Decides what may be seen and whose face it is.
    Role.MODERATOR: {
        *PEOPLE,
        *_views("moderation", "case", "match", "decision", "auditentry", "blockedhash"),
        *_views("moderation", "blockedterm", "strike", "agecheck"),
        *("moderation.change_blockedterm", "moderation.decide_age"),
        *_views("accounts", "suspension"),
        "accounts.change_standing",
        *("moderation.decide_case", "moderation.look_case"),
        *("moderation.change_hash_lists", "moderation.delete_blockedhash"),
        *_views("gallery", "publication"),
        *("gallery.look_publication", "gallery.approve_publication"),
        *_views("twins", "twin", "proof", "invitation", "selfie"),
        *("twins.view_evidence", "twins.review_selfie"),
    },
    # Keeps the service running and sets what it costs; sees no people's pages but the runs.
    Role.OPERATOR: {
        *_edits("billing", "plan", "pack", "price", "engineoffer", "enginecost"),
        *_views("billing", "invoice", "subscription", "webhookevent", "remoterequest"),
        *_views("billing", "wallet", "ledgeraccount", "transfer"),
        *("billing.retry_event", "billing.grant_credits", "billing.take_credits"),
        *_edits("generation", "pack", "preset"),
        *_views("generation", "job", "restoration"),
        *_views("twins", "photo", "training"),
        *("twins.retry_training", "generation.retry_job"),
        *_views("accounts", "export", "retentionrun"),
        *_views("moderation", "auditentry"),
        *_views("support", "feedback", "maintenance"),
        *("support.add_maintenance", "support.change_maintenance"),
    },
}


def make_groups(sender: Any, **_signal: Any) -> None:
    """After each `migrate`: the four groups exist, and each has the permissions of its role.

    `sender` is the last app. Its own permissions may be made after this signal, so they are made here.
    """
    create_permissions(sender, verbosity=0)
    every = {f"{p.content_type.app_label}.{p.codename}": p for p in _permissions()}
    for role in Role.values:
        named = RIGHTS.get(role, every.keys())
        Group.objects.get_or_create(name=role)[0].permissions.set(every[n] for n in named if n in every)


def _permissions() -> Any:
    return Permission.objects.select_related("content_type")


def of(user: Any) -> str:
    """ "" for who is no staff, and for staff whose rights were given one by one."""
    if user.is_superuser:
        return Role.ADMINISTRATOR
    return str(user.groups.filter(name__in=RIGHTS).values_list("name", flat=True).first() or "")


@transaction.atomic
def give(user: User, role: str, *, actor: Any = None) -> None:
    """Makes the user staff with this role and no other; "" takes every role away. It is on the audit log.

    Raises LastAdministrator.
    """
    rows = User.objects.filter(is_superuser=True, is_active=True).select_for_update().order_by("id")
    others = [each for each in rows if each.pk != user.pk]
    if user.is_superuser and role != Role.ADMINISTRATOR and not others:
        raise LastAdministrator
    before = of(user)
    user.is_staff, user.is_superuser = bool(role), role == Role.ADMINISTRATOR
    user.save(update_fields=["is_staff", "is_superuser"])
    user.groups.set(Group.objects.filter(name=role))
    registry.audit(actor, "give_role", user, f"{before or '-'} -> {role or '-'}")
