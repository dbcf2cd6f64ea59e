"""The page of one's limits."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from accounts.limits.services import limits_of
from config.web.ratelimit import network

BY = {"key": _("API key"), "phone": _("your phone number"), "address": _("your network")}
IN = {1: _("per second"), 60: _("per minute"), 3600: _("per hour"), 86400: _("per day")}


@login_required
@require_GET
def limits(request: HttpRequest) -> HttpResponse:
    rows = [_shown(row) for row in limits_of(request.user, network=network(request))]
    facts = {"used": [row for row in rows if row["used"]], "unused": [row for row in rows if not row["used"]]}
    return render(request, "accounts/limits/limits.html", facts | {"tab": "account"})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    minutes = None if row["resets_in"] is None else row["resets_in"] // 60 + 1
    return row | {"counted_by": BY.get(row["by"], ""), "period": IN[row["seconds"]], "minutes": minutes}
