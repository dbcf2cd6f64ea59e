from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from config import registry
        from support.feedback.exports import feedback
        from support.feedback.models import Feedback

        registry.exporters.append(registry.Exporter((Feedback,), feedback))
        registry.erasers.append(registry.Eraser({Feedback: "user"}))
