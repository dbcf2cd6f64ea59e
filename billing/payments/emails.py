"""E-mails about failed payments and ended plans. Each is sent once its change is committed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from accounts.emails import tell
from billing.models import Wallet


def payment_failed(wallet: Wallet, until: datetime) -> None:
    def words() -> tuple[str, str]:
        text = _(
            "We could not take the payment for your plan. Nothing is lost: your plan stays until %(until)s."
            " Check your card here: %(where)s"
        )
        return _("A payment did not work"), text % {"until": formats.date_format(until), "where": _page()}

    _send(wallet, words)


def plan_ended(wallet: Wallet) -> None:
    def words() -> tuple[str, str]:
        text = _(
            "Your plan has ended, and you are on the Free plan now. Your twins and pictures are still there,"
            " and so are credits that you bought. Choose a plan here: %(where)s"
        )
        return _("Your plan has ended"), text % {"where": _page()}

    _send(wallet, words)


def _page() -> str:
    return f"{settings.ORIGIN}{reverse('billing')}"


def _send(wallet: Wallet, words: Any) -> None:
    transaction.on_commit(lambda: tell(wallet.user_id, words), robust=True)
