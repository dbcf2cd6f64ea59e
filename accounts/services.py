"""Requests an archive of a user's data, serves it, and requests the erasure of an account."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import erasure
from accounts.models import Erasure, Export, User
from accounts.vault.vault import store
from config.errors import DomainError
from config.runs.broker import enqueue
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from config.web.files import serve


class NotReady(DomainError):
    code, status = "not_found", 404
    message = _("The archive is not ready, or it is older than seven days.")


def request_export(
    user: Any,
    *,
    chosen: dict[str, Any],
    scope: str = Export.Scope.ITEMS,
    key: str | None = None,
    body_hash: str = "",
) -> Export:
    """Requests an archive of the chosen items."""
    plain = (
        {"ids": [str(i) for i in chosen.get("ids", [])]}
        if "ids" in chosen
        else {"filter": chosen.get("filter", {})}
    )
    return create_idempotent(
        Export(user=user, scope=scope, chosen=plain),
        endpoint="exports",
        key=key,
        body_hash=body_hash,
        prepare=lambda e: e.enqueue(),
    )


@transaction.atomic
def request_archive(user: Any) -> Export:
    """Requests an archive of all data about a user. While one is being packed, returns that one."""
    User.objects.select_for_update().get(id=user.id)  # of two requests at once, the second finds the first's
    everything = Export.objects.owned_by(user).filter(scope=Export.Scope.EVERYTHING)
    if found := everything.open().first():
        return found
    export = Export(user=user, scope=Export.Scope.EVERYTHING)
    export.enqueue()
    return export


def request_erasure(user: Any) -> Erasure:
    """Closes the account at once; a worker erases the rest. Raises StaffAccount."""
    found = erasure.ask(user)
    # A lost wake-up costs a minute: the task accounts.erasures looks for unfinished erasures.
    transaction.on_commit(lambda: enqueue("accounts.erase", found.id, "io"), robust=True)
    return found


def serve_export(request: Any, export: Export) -> Any:
    """Raises NotReady."""
    gone = export.expires_at is not None and export.expires_at < timezone.now()
    if export.status != Status.SUCCEEDED or gone:
        raise NotReady
    return serve(
        request,
        store(export.user_id),
        export.file,
        etag=f"{export.id}-{export.size}",
        media_type="application/zip",
        download="photoflux.zip",
    )
