from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"

    def ready(self) -> None:
        from django.contrib.admin.models import LogEntry

        from config import registry
        from moderation import exports, services
        from moderation.models import AuditEntry

        registry.auditors.append(services.record)
        registry.exporters.append(registry.Exporter((AuditEntry,), exports.decisions))
        registry.erasers.append(
            registry.Eraser(
                before=exports.make_anonymous, erase=exports.make_anonymous, keeps=(AuditEntry, LogEntry)
            )
        )
