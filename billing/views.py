"""What was granted, held, spent and given back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from billing import ledger
from billing.models import Transfer
from config.pages import page


def credits(request: HttpRequest) -> dict[str, Any]:
    """For every page's template: read when a page shows it."""
    return {"credits": SimpleLazyObject(lambda: ledger.balance(ledger.wallet_of(request.user)))}


@login_required
@require_GET
def movements(request: HttpRequest) -> HttpResponse:
    rows = Transfer.objects.filter(wallet=ledger.wallet_of(request.user).id)
    found = page(request, rows, lambda t: t, order=("-id",))
    facts = {name: f"?{found[name].partition('?')[2]}" if found[name] else "" for name in ("next", "previous")}
    for row in found["results"]:
        row.what, row.where = _purpose(row.cause)
    return render(request, "billing/movements.html", {"rows": found["results"], **facts, "tab": "account"})


# The first word of a cause: what a reader calls it, and the page that shows it, if there is one.
PURPOSES = {
    "image": (_("Pictures"), "job"), "training": (_("Training"), "training"), "plan": (_("Your plan"), ""), "staff": (_("From the team"), ""),
    "demo": (_("From the team"), ""), "expiry": (_("Their time ran out"), ""),
}  # fmt: skip


def _purpose(cause: str) -> tuple[str, str]:
    word, _colon, ident = cause.partition(":")
    name, page_name = PURPOSES.get(word, (word, ""))
    try:
        return str(name), reverse(page_name, args=[ident]) if page_name else ""
    except NoReverseMatch:  # no id of ours
        return str(name), ""
