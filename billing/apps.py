from typing import Any

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import ledger, services
        from config import registry

        def credits(user: Any) -> tuple[str, Any]:
            now = ledger.balance(ledger.wallet_of(user))
            return "credits", {"available": now.available, "held": now.held}

        registry.live.append(credits)
        registry.erasers.append(services.erase)
