"""Our answers to allauth's questions: who logs in, what a proven address changes, and how mails are sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context as current
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import addresses, attempts, confirm, devices, staff
from accounts.emails import send_quietly
from config.web import text
from config.web.afterwards import afterwards
from config.web.ratelimit import address

WAYS = {
    "mfa_reauthenticate": gettext_lazy("Use a code instead"),
    "mfa_reauthenticate:webauthn": gettext_lazy("Use a passkey instead"),
}
NO_ACCOUNT = "account/email/unknown_account"
HAS_ACCOUNT = "account/email/account_already_exists"


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return text.address(email)

    def get_reauthentication_methods(self, user: Any) -> Any:
        """Who has a second factor or a passkey confirms with it; who has nothing here, by another log-in."""
        if user.is_authenticated and (confirm.confirms_elsewhere(user) or confirm.confirms_by_phone(user)):
            where = reverse("confirm_elsewhere")
            return [{"id": "socialaccount", "description": _("Log in again"), "url": where}]
        methods = super().get_reauthentication_methods(user)
        for each in methods:
            each["description"] = WAYS.get(each["id"], each["description"])
        mine = [each for each in methods if each["id"].startswith("mfa_reauthenticate")]
        return mine[::-1] or methods  # the passkey first

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """A session and the password do not lead to recovery codes, which would open the admin."""
        request = current.request
        if app == "allauth.mfa" and staff.has_factor(request.user):
            within = timedelta(seconds=app_settings.REAUTHENTICATION_TIMEOUT)
            if not staff.has_proved(request, within):
                raise ReauthenticationRequired
        required = bool(super().is_reauthentication_required(app=app, **options))
        # allauth asks nothing of who has neither a password nor a key.
        if required and confirm.must_confirm(request, request.user):
            raise ReauthenticationRequired
        return required

    def populate_username(self, request: Any, user: Any) -> None:
        """Does nothing: users have no user names."""

    def get_client_ip(self, request: Any) -> str:
        return address(request)

    def login(self, request: Any, user: Any) -> None:
        """An account that was made without a language takes that of its first log-in."""
        if not user.language:
            user.language = translation.get_language() or settings.LANGUAGE_CODE
            user.save(update_fields=["language"])
        super().login(request, user)

    # ------------------------------------------------------------ signing up

    def save_user(self, request: Any, user: Any, form: Any, commit: bool = True) -> Any:
        """Another account may have the address: the new one is made all the same, and answered alike."""
        user.shares_email, user.language = True, translation.get_language() or user.language
        return super().save_user(request, user, form, commit)

    def post_login(self, request: Any, user: Any, *, signup: bool, **kwargs: Any) -> Any:
        if signup and user.address and not user.proven_address:
            said = _("Welcome. We sent a link to %(email)s: open it to confirm the address.")
            self.add_message(request, messages.INFO, message=said % {"email": user.address})
        return super().post_login(request, user, signup=signup, **kwargs)

    # ------------------------------------------------------------ logging in

    def authenticate(self, request: Any, **credentials: Any) -> Any:
        email = text.address(credentials.get("email", ""))
        password, found = credentials.get("password", ""), addresses.holders(email)
        device, known = devices.known(request, found)
        if known:
            counted = self._counted(attempts.begin(request, email, device=device))
            if user := next((user for user in known if user.check_password(password)), None):
                attempts.succeeded(counted)
                user.renew_hash(password)
                return user
        counted = attempts.begin(request, email)
        if counted is None and known:
            return (
                None  # others used the limit up: here it was a wrong password, and the next right one opens
            )
        user = addresses.with_password(found, password) if self._counted(counted) else None
        if user:
            attempts.succeeded(counted)
            user.renew_hash(password)
        return user

    def _counted(self, counted: Any) -> Any:
        """Raises ValidationError when there were too many guesses."""
        if counted is None:
            raise self.validation_error("too_many_login_attempts")
        return counted

    def reauthenticate(self, user: Any, password: str) -> bool:
        counted = self._counted(attempts.begin_proof(current.request, user))
        right = bool(user.check_password(password))
        if right:
            attempts.succeeded(counted)
        return right

    def _delete_login_attempts_cached_email(self, request: Any, **credentials: Any) -> None:
        """After a new password. allauth would also clear the count of the IP address."""
        attempts.forget(request, text.address(credentials["email"]))

    # ------------------------------------------------------------ proving an address

    @transaction.atomic
    def confirm_email(self, request: Any, email_address: Any) -> bool:
        holds_session = request.user.is_authenticated and request.user.pk == email_address.user_id
        addresses.claim(email_address)
        confirmed = super().confirm_email(request, email_address)
        if confirmed:
            addresses.drop_other_ways_in(request, email_address, holds_session=holds_session)
        return confirmed

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        """Without a password the next step is to choose one; the link that was opened proved the address."""
        user = email_address.user
        if user.has_usable_password():
            return super().get_email_verification_redirect_url(email_address)
        key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
        return self.get_reset_password_from_key_url(key)

    # ------------------------------------------------------------ mails

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends after the answer, so that its time tells nothing. No mail goes to an address without account.

        That one is rendered all the same, for the same reason.
        """
        message = self.render_mail(template_prefix, email, {"email": email, **context})
        if template_prefix != NO_ACCOUNT:
            afterwards(current.request, lambda: send_quietly(message))

    def format_email_subject(self, subject: str) -> str:
        return f"PhotoFlux: {subject}"

    def send_confirmation_mail(self, request: Any, emailconfirmation: Any, signup: bool) -> None:
        if addresses.is_proven_by_another(emailconfirmation.email_address):
            self.send_account_already_exists_mail(emailconfirmation.email_address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def send_account_already_exists_mail(self, email: str) -> None:
        url = f"{settings.ORIGIN}{reverse('account_reset_password')}"
        self.send_mail(HAS_ACCOUNT, email, {"password_reset_url": url})

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> None:
        """Only to the account's own address: one that it wants to change to proves nothing about it."""
        if user.address == text.address(email):
            super().send_password_reset_mail(user, email, context)
