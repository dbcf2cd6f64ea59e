"""The models of this app's rooms. Django makes an app's permissions only where it finds this module."""

from support.feedback.models import Feedback
from support.help.models import HelpVote
from support.insights.models import Alarm
from support.maintenance.models import Maintenance
from support.metrics.models import Check
from support.telemetry.models import Exported
from support.tickets.models import Attachment, CannedAnswer, Enquiry, HeldMail, Message, Ticket

__all__ = [
    "Alarm",
    "Attachment",
    "CannedAnswer",
    "Check",
    "Enquiry",
    "Exported",
    "Feedback",
    "HeldMail",
    "HelpVote",
    "Maintenance",
    "Message",
    "Ticket",
]
