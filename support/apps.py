from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from config import registry
        from support.feedback.exports import feedback
        from support.feedback.models import Feedback
        from support.help.exports import votes
        from support.help.models import HelpVote
        from support.maintenance import now
        from support.metrics import checks

        registry.exporters.append(registry.Exporter((Feedback,), feedback))
        registry.exporters.append(registry.Exporter((HelpVote,), votes))
        registry.pauses.append(now.is_on)
        registry.checked.append(checks.keep)
        registry.erasers.append(registry.Eraser({Feedback: "user", HelpVote: "user"}))
