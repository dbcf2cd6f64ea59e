"""Who sends text messages. Each module has `send(phone, text, reference)`, which returns the sender's id of
the message; settings.SMS_SENDER names the module."""

from __future__ import annotations


class SmsFailed(Exception):
    """The sender refused the message; `code` is its reason."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        super().__init__(f"{code} {detail}".strip())


class SmsUnsure(Exception):
    """No answer came, so the message may have been sent."""
