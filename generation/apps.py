from typing import Any

from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        from accounts.models import Kind
        from billing import prices
        from config import registry
        from generation import services
        from generation.serializers import JobForm

        def price(user: Any, fields: dict[str, Any]) -> int:
            form = JobForm(data={"prompt": "-", **fields})
            form.is_valid(raise_exception=True)
            return prices.pictures(
                form.validated_data.get("quality", "standard"), form.validated_data.get("count", 1)
            )

        prices.register("image", price)
        registry.on_withdraw.setdefault(Kind.BIOMETRIC_TWIN, []).append(services.stop_jobs)
