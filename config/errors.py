"""Expected refusals. A service raises one; the API answers problem+json, a page shows the sentence."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """`code` is stable and for programs, `message` says what to do, `status` is the HTTP status.

    `params` fill the message, which may be an `ngettext_lazy` of one of them; `errors` is
    {field: [sentence, ...]}; `extra` is added to the answer as it is.
    """

    code = "invalid"
    status = 422
    message: Any = _("This cannot be done. Check what you sent.")

    def __init__(
        self,
        message: Any = None,
        *,
        errors: dict[str, list[str]] | None = None,
        extra: dict[str, Any] | None = None,
        **params: Any,
    ):
        self.errors, self.extra, self.params = errors or {}, extra or {}, params
        if message is not None:
            self.message = message
        super().__init__(self.code)

    @property
    def detail(self) -> str:
        return str(self.message % self.params if self.params else self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Invalid(DomainError):
    pass


class Malformed(DomainError):
    code, status, message = "malformed", 400, _("The request cannot be read. Check its format.")


class MissingFile(DomainError):
    code, status, message = (
        "missing_file",
        400,
        _("There is no file in this request. Send one in the field “file”."),
    )


class NotFound(DomainError):
    code, status, message = "not_found", 404, _("There is nothing here, or it is not yours.")


class NotAuthenticated(DomainError):
    code, status, message = "not_authenticated", 401, _("Log in, or send a valid token.")


class ScopeMissing(DomainError):
    code, status = "scope_missing", 403
    message = _("This API key lacks the scope “%(scope)s”. Use a key that has it.")


class MethodNotAllowed(DomainError):
    code, status, message = "method_not_allowed", 405, _("This address does not take this method.")


class FileTooLarge(DomainError):
    code, status, message = (
        "file_too_large",
        413,
        _("This file is too large. At most %(megabytes)s MB can be sent."),
    )


class ChangedMeanwhile(DomainError):
    code, status, message = (
        "changed_meanwhile",
        412,
        _("This was changed meanwhile. Load it again and repeat your change."),
    )


class RangeNotSatisfiable(DomainError):
    code, status, message = (
        "range_not_satisfiable",
        416,
        _("The file is shorter than the range you asked for."),
    )


class AlreadyFinished(DomainError):
    code, status, message = "already_finished", 409, _("This is already over.")


class NotFailed(DomainError):
    code, status, message = "already_finished", 409, _("Only what failed can be run again.")


class IdempotencyMismatch(DomainError):
    code, message = (
        "idempotency_mismatch",
        _("This Idempotency-Key was used for another request. Choose a new one."),
    )


class RateLimited(DomainError):
    code, status, message = "rate_limited", 429, _("Too many requests. Wait a little and try again.")


class TooSlow(DomainError):
    code, status, message = (
        "too_slow",
        408,
        _("This came too slowly to be taken. Try again on a better connection; nothing was lost."),
    )


class StorageFull(DomainError):
    code, status, message = (
        "storage_full",
        503,
        _("There is no room left to save this. Try again later; nothing was charged."),
    )


class Unavailable(DomainError):
    code, status, message = (
        "unavailable",
        503,
        _("This does not answer at the moment. Try again in a minute; nothing was charged."),
    )


class Forged(DomainError):
    code, status = "not_authenticated", 403
    message = _("This request does not come from our pages, or they are out of date. Load the page again.")


class Forbidden(DomainError):
    code, status, message = "forbidden", 403, _("Your role does not open this page.")


class Internal(DomainError):
    code, status = "internal", 500
    message = _("Something went wrong on our side. It was noted; please try again.")
