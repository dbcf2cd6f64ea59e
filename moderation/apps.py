from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"

    def ready(self) -> None:
        from config import registry
        from moderation import services

        registry.auditors.append(services.record)
