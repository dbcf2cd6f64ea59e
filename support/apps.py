from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from config import registry
        from support.feedback.exports import feedback
        from support.feedback.models import Feedback
        from support.help.exports import votes
        from support.help.models import HelpVote

        registry.exporters.append(registry.Exporter((Feedback,), feedback))
        registry.exporters.append(registry.Exporter((HelpVote,), votes))
        registry.erasers.append(registry.Eraser({Feedback: "user", HelpVote: "user"}))
