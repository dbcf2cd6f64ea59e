from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"

    def ready(self) -> None:
        from django.contrib.admin.models import LogEntry

        from config import registry
        from moderation import exports, services
        from moderation.cases import exports as cases
        from moderation.cases import retiring
        from moderation.cases.models import Appeal, Case, Decision, Match, Notice
        from moderation.hashes.models import BlockedHash  # noqa: F401  a model of this app
        from moderation.models import AuditEntry

        registry.retain(case_contacts=retiring.forget_contacts)
        registry.auditors.append(services.record)
        registry.exporters.append(registry.Exporter((AuditEntry,), exports.decisions))
        registry.exporters.append(registry.Exporter((Case, Notice, Match, Decision, Appeal), cases.members))
        registry.erasers.append(
            registry.Eraser(
                {Notice: "user", Appeal: "user"}, erase=cases.forget, keeps=(Case, Match, Decision)
            )
        )
        registry.erasers.append(
            registry.Eraser(
                before=exports.make_anonymous, erase=exports.make_anonymous, keeps=(AuditEntry, LogEntry)
            )
        )
