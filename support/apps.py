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
        self._talk()

    def _talk(self) -> None:
        """Conversations with staff."""
        from config import registry
        from support.tickets import answering, exports, services
        from support.tickets.models import Attachment, HeldMail, Message, Ticket

        registry.known_files.append(Attachment.known_files)
        registry.live.append(lambda user: ("tickets", services.live(user)))
        registry.live.append(lambda user: ("queue", answering.live(user)))
        registry.retain(
            tickets=services.forget_closed,
            held_mails=services.forget_held,
            enquiries=services.forget_enquiries,
            keys=services.forget_keys,
        )
        models = (Ticket, Message, Attachment, HeldMail)
        registry.exporters.append(registry.Exporter(models, exports.tickets))
        gone = {Attachment: "user", Message: "user", Ticket: "user"}
        registry.erasers.append(registry.Eraser(gone, erase=exports.forget, keeps=(HeldMail,)))
