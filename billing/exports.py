"""The part about money in an archive of all of a user's data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list, json_member, rows
from billing.models import Invoice, LedgerAccount, Subscription, Transfer, Wallet
from config.registry import Member


def export(user: Any) -> Iterator[Member]:
    wallets = Wallet.objects.filter(user=user)
    numbers = list(wallets.values_list("id", flat=True))
    yield json_member("billing/wallet.json", rows(wallets), _("Your wallet: your plan, and since when."))
    for name, model, about in (
        ("balances", LedgerAccount, _("Your credits as they stand, by when they came and expire.")),
        ("movements", Transfer, _("Every movement of your credits.")),
        ("subscriptions", Subscription, _("Your paid plans.")),
        ("invoices", Invoice, _("Your invoices and what was paid back.")),
    ):
        found = model._default_manager.filter(wallet__in=numbers)
        yield json_list(f"billing/{name}.json", each_row(found), about)
