"""Twilio's Messages API, as its contract says, strictly: what Twilio refuses, this refuses.

The last three digits of the number choose what happens: SCENARIOS. `callback` makes what Twilio would call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from tests.local_server import LocalServer

ACCOUNT, TOKEN, SERVICE = f"AC{'b' * 32}", "12345", f"MG{'c' * 32}"
FIELDS = {
    *("To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod", "MaxPrice"),
    *("ApplicationSid", "ProvideFeedback", "Attempt", "RiskCheck", "SmartEncoded", "ContentRetention"),
}
SCENARIOS: dict[str, tuple[int, int, str]] = {  # (status, Twilio's code, the sentence)
    "211": (400, 21211, "The 'To' number is not a valid phone number."),
    "408": (403, 21408, "Permission to send an SMS has not been enabled for the region."),
    "429": (429, 20429, "Too many requests"),
    "610": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "614": (400, 21614, "'To' number is not a valid mobile number"),
}
HANG, BROKEN = "600", "500"


class Twilio(LocalServer):
    def __init__(self) -> None:
        super().__init__(Handler)
        self.sent: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Twilio

    def log_message(self, *_args: Any) -> None:
        """Prints nothing."""

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        status, answer = self._judge(form)
        if status == 201:
            self.server.sent.append(form)
        if form.get("To", "").endswith(HANG):  # taken, and the answer is lost
            self.server.over.wait(20)
            return
        self._say(status, answer)

    def _judge(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        user = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {user}":
            return self._refusal(401, 20003, "Authenticate")
        if self.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return self._refusal(404, 20404, "The requested resource was not found")
        if fault := _fault(form):
            return self._refusal(400, *fault)
        if form["To"].endswith(BROKEN):
            return self._refusal(500, 20500, "Internal")
        if scenario := SCENARIOS.get(form["To"][-3:]):
            return self._refusal(*scenario)
        return 201, _message(form)

    def _refusal(self, status: int, code: int, message: str) -> tuple[int, dict[str, Any]]:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return status, {"code": code, "message": message, "more_info": more, "status": status}

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        if status == 429:
            self.send_header("Retry-After", "3")
        self.end_headers()
        self.wfile.write(body)


def _fault(form: dict[str, str]) -> tuple[int, str] | None:
    if unknown := form.keys() - FIELDS:
        return 20001, f"no field of the contract: {unknown}"
    if not re.fullmatch(r"\+[1-9]\d{6,14}", form.get("To", "")):
        return 21211, "The 'To' number is not a valid phone number."
    if ("From" in form) == ("MessagingServiceSid" in form):
        return 21606, "one of From and MessagingServiceSid"
    if not 0 < len(form.get("Body", "")) <= 1600:
        return 21617, "The message body exceeds the 1600 character limit"
    if "StatusCallback" in form and not re.match(r"https?://[\w.-]+(:\d+)?/", form["StatusCallback"]):
        return 21609, "The 'StatusCallback' URL is not a valid URL"
    return None


def _message(form: dict[str, str]) -> dict[str, Any]:
    """What is a string there is one here: num_segments, and the price, which is null until it is sent."""
    return {
        "sid": f"SM{hashlib.md5(form['Body'].encode()).hexdigest()}",
        "account_sid": ACCOUNT,
        "status": "accepted" if "MessagingServiceSid" in form else "queued",
        "to": form["To"],
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "body": form["Body"],
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "direction": "outbound-api",
        "api_version": "2010-04-01",
        "date_created": "Sun, 29 Nov 2026 20:00:00 +0000",
        "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/SM.json",
    }


def callback(
    url: str, status: str, error: str = "", *, token: str = TOKEN, **more: str
) -> tuple[dict[str, str], str]:
    """(the form, X-Twilio-Signature) of a status callback to `url`."""
    sid = f"SM{'a' * 32}"
    form = {
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": ACCOUNT,
        "MessageStatus": status,
        "SmsStatus": status,
    }
    form |= {"To": "+34612345678", "From": "+15005550001", "ApiVersion": "2010-04-01", **more}
    form |= {"ErrorCode": error} if error else {}
    base = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    mac = hmac.new(token.encode(), base.encode(), hashlib.sha1).digest()
    return form, base64.b64encode(mac).decode()
