"""The part of this app in an archive of all of a user's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.utils.translation import gettext as _

from accounts.archive import json_member, row, rows
from accounts.models import Consent, Export
from accounts.privacy.models import PrivacyRequest
from config.registry import Member

SECRET = ("password",)  # the hash of the password is of no use to its owner, only to a thief


def requests(user: Any) -> Iterator[Member]:
    """Those from the user's own address, also from before there was the account."""
    found = rows(PrivacyRequest.objects.filter(email=user.proven_address or "", proved_at__isnull=False))
    yield json_member(
        "account/privacy-requests.json", found, _("Your requests about privacy, and our answers.")
    )


def account(user: Any) -> Iterator[Member]:
    yield json_member(
        "account/profile.json", row(user, without=SECRET), _("Your profile: name, language and settings.")
    )
    emails = rows(EmailAddress.objects.filter(user=user))
    yield json_member("account/emails.json", emails, _("Your e-mail addresses, and which are confirmed."))
    consents = [row(each) | {"sha256": each.sha256} for each in Consent.objects.filter(user=user)]
    yield json_member(
        "account/consents.json",
        consents,
        _("What you agreed to: the wording that you saw, its version and SHA-256, when, and until when."),
    )
    sessions = rows(UserSession.objects.filter(user=user), without=("session_key",))
    yield json_member("account/sessions.json", sessions, _("Where you are logged in."))
    factors = rows(Authenticator.objects.filter(user=user), without=("data",))
    yield json_member(
        "account/second-factor.json", factors, _("Your second factors, without their secret keys.")
    )
    others = rows(SocialAccount.objects.filter(user=user))
    yield json_member(
        "account/other-accounts.json", others, _("The accounts elsewhere that you log in with here.")
    )
    exports = rows(Export.objects.filter(user=user))
    yield json_member("account/archives.json", exports, _("The archives that you asked for."))
