"""What people do at sign-up, log-in and reset, as pages and API do it."""

from __future__ import annotations

import re
from typing import Any

from django.core import mail
from django.test import Client

from tests.factory import PASSWORD

API = "/_allauth/app/v1"
WRONG = "not the password"


def browser(address: str = "198.51.100.1") -> Client:
    return Client(REMOTE_ADDR=address)


def sign_up(client: Client, email: str, password: str = PASSWORD, **fields: str) -> Any:
    return client.post("/accounts/signup/", {"email": email, "password1": password, **fields})


def log_in(client: Client, email: str, password: str = PASSWORD) -> bool:
    """By the page. False when it was refused."""
    answer = client.post("/accounts/login/", {"login": email, "password": password})
    return answer.status_code == 302


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def post(client: Client, path: str, data: Any, token: str = "", **headers: str) -> Any:
    if token:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client.post(f"{API}{path}", data, content_type="application/json", **headers)  # type: ignore[arg-type]


def me(token: str) -> int:
    return Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code


def link(to: str) -> str:
    """The path of the link in the newest e-mail to this address."""
    body = next(m.body for m in reversed(mail.outbox) if m.to == [to])
    found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", str(body))
    assert found, body
    return found[1]


def reset(client: Client, email: str, password: str) -> None:
    """Asks for a reset and follows the link in the e-mail."""
    client.post("/accounts/password/reset/", {"email": email})
    choose(client, client.get(link(email))["Location"], password)


def choose(client: Client, page: str, password: str) -> None:
    if "set-password" not in page:
        page = client.get(page)["Location"]
    answer = client.post(page, {"password1": password, "password2": password})
    assert answer.status_code == 302, answer.content
