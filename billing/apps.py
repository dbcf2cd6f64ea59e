from typing import Any

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import exports, ledger, services
        from billing.engines import alarms
        from billing.models import Invoice, LedgerAccount, Subscription, Transfer, Wallet, WebhookEvent
        from config import registry

        def credits(user: Any) -> tuple[str, Any]:
            now = ledger.balance(ledger.wallet_of(user))
            return "credits", {"available": now.available, "held": now.held}

        registry.live.append(credits)
        registry.refused_keys.append(alarms.key_refused)
        numbered = (LedgerAccount, Transfer, Subscription, Invoice)  # refer to a wallet's id, not to a user
        registry.exporters.append(registry.Exporter((Wallet, *numbered), exports.export))
        registry.erasers.append(
            registry.Eraser({Wallet: "user"}, before=services.erase, keeps=(*numbered, WebhookEvent))
        )
