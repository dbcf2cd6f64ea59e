"""Archives of what is somebody's."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Export
from accounts.vault.vault import store
from config.errors import DomainError
from config.runs.idempotency import create_idempotent
from config.runs.models import Status
from config.web.files import serve


class NotReady(DomainError):
    code, status = "not_found", 404
    message = _("The archive is not ready, or it is older than two days.")


def request_export(
    user: Any,
    *,
    chosen: dict[str, Any],
    scope: str = Export.Scope.ITEMS,
    key: str | None = None,
    body_hash: str = "",
) -> Export:
    """An archive in the making."""
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
