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

        self._judge_people()
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

    def _judge_people(self) -> None:
        """Strikes, suspensions, proofs of age, and what staff changed in the lists."""
        from accounts.standing.models import Suspension
        from config import registry
        from moderation.adult import notices as ages  # noqa: F401  registers its kind
        from moderation.adult import settling
        from moderation.adult import shown as adult
        from moderation.adult.models import AgeCheck
        from moderation.lists.models import ListVersion
        from moderation.standing import exports as standing
        from moderation.standing import notices  # noqa: F401  registers its kind
        from moderation.standing.models import Strike

        registry.known_files.append(AgeCheck.known_files)
        registry.retain(age_documents=settling.forget_documents)
        registry.exporters.append(registry.Exporter((AgeCheck,), adult.members))
        registry.exporters.append(registry.Exporter((Strike, Suspension, ListVersion), standing.members))
        registry.erasers.append(registry.Eraser({AgeCheck: "user"}, erase=adult.forget_staff))
        judged = {Strike: "user", Suspension: "user"}
        registry.erasers.append(registry.Eraser(judged, erase=standing.forget_staff, keeps=(ListVersion,)))
