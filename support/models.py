"""The models of this app's rooms. Django makes an app's permissions only where it finds this module."""

from support.feedback.models import Feedback
from support.help.models import HelpVote

__all__ = ["Feedback", "HelpVote"]
