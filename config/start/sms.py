"""Reads from the environment who sends text messages, and where to: docs/sms.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from config.start import env

SENDERS = ("console", "twilio", "sns")  # accounts/phones/senders/ has a module for each


@dataclass(frozen=True)
class Twilio:
    account: str
    user: str  # with `password`, of HTTP Basic
    password: str
    source: str  # a number, or a messaging service (MG...)
    token: str  # signs what Twilio sends us
    shared_keys: dict[str, str]  # newer keys that sign, by id
    url: str


@dataclass(frozen=True)
class Sns:
    """The credentials are those that boto3 finds: AWS_ACCESS_KEY_ID and its secret, or the machine's."""

    region: str
    sender_id: str  # 1 to 11 letters and digits, shown instead of a number; not in the US
    source: str  # a number
    url: str | None


def sender(secure: bool) -> str:
    """ "" sends nothing and offers no log-in by phone: so it is with https, until somebody has chosen."""
    name = env.text("SMS_SENDER", "" if secure else "console")
    if name and name not in SENDERS:
        raise env.Misconfigured(f"SMS_SENDER is one of {', '.join(SENDERS)}, not “{name}”.")
    return name


def _needed(sender: str, *names: str) -> None:
    missing = [name for name in names if not env.given(name)]
    if missing:
        raise env.Misconfigured(f"SMS_SENDER={sender} also needs {', '.join(missing)}.")


def twilio(name: str) -> Twilio | None:
    if name != "twilio":
        return None
    _needed(name, "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    account, token, source = (env.text(f"TWILIO_{part}") for part in ("ACCOUNT_SID", "AUTH_TOKEN", "FROM"))
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", account):
        raise env.Misconfigured("TWILIO_ACCOUNT_SID is AC and 32 hexadecimal digits.")
    if not re.fullmatch(r"\+[1-9]\d{6,14}|MG[0-9a-fA-F]{32}", source):
        raise env.Misconfigured("TWILIO_FROM is a number like +15005550006, or a messaging service (MG...).")
    user, _colon, password = env.text("TWILIO_API_KEY", f"{account}:{token}").partition(":")
    url = env.text("TWILIO_URL", "https://api.twilio.com").rstrip("/")
    return Twilio(account, user, password, source, token, env.pairs("TWILIO_SHARED_KEYS", ":"), url)


def sns(name: str) -> Sns | None:
    if name != "sns":
        return None
    _needed(name, "SNS_REGION")
    shown = env.text("SNS_SENDER_ID")
    if shown and not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}", shown):
        raise env.Misconfigured("SNS_SENDER_ID is 1 to 11 letters and digits, with a letter.")
    return Sns(env.text("SNS_REGION"), shown, env.text("SNS_FROM"), env.text("SNS_URL") or None)


def countries() -> list[str]:
    """ISO 3166 codes, the first being the usual one."""
    found = [code.upper() for code in env.words("SMS_COUNTRIES", "US,CA,MX,ES,GB,IE,FR,DE,CN")]
    if any(not re.fullmatch("[A-Z]{2}", code) for code in found):
        raise env.Misconfigured("SMS_COUNTRIES is a list of countries like ES,MX,US.")
    return found
