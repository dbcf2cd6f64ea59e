"""Bad text anywhere is refused or kept, and is never an error of the server.

Walks every admin page, every page and form of the product, and every operation of the OpenAPI documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from tests import bad_text
from tests.bad_text import BAD, Ask
from tests.plugin import Share
from tests.rights import logged_in
from tests.test_isolation import things  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("generous_limits")]


def faults(asks: Iterable[Ask], cookies: Any = None, headers: dict[str, str] | None = None) -> list[str]:
    """The requests that the server failed. Each is undone, so that none spoils the next."""
    found = []
    for ask in asks:
        client = Client(raise_request_exception=False, headers=headers)
        client.cookies.load({name: morsel.value for name, morsel in (cookies or {}).items()})
        with transaction.atomic():
            answer = ask.of(client)
            transaction.set_rollback(True)
        if answer.status_code >= 500 and answer.status_code != 503:
            error = getattr(answer, "exc_info", None) or (None, None)
            found.append(f"{ask.what}: {ask.method} {ask.path[:120]}: {error[1]!r}"[:400])
    return found


@pytest.fixture
def ids(things: dict[str, str]) -> dict[str, str]:  # noqa: F811
    """Ids by the names of the parameters of addresses."""
    return {"ident": things["item"], "id": things["item"], "twin": things["twin"], "photo": things["photo"]}


def test_no_page_of_the_admin_fails_on_bad_text(share: Share, db: None, settings: Any) -> None:
    from django.contrib.auth import get_user_model

    boss = logged_in(get_user_model().objects.create_superuser("boss@example.com", "a long password"))
    asks = list(bad_text.admin_asks())
    assert len(asks) > 3000
    assert faults(share.of(asks, 70), boss.cookies) == []


def test_no_page_and_no_form_fails_on_bad_text(share: Share, alice: Any, ids: dict[str, str]) -> None:
    member, visitor = Client(), Client()
    member.force_login(alice)
    asks: dict[bool, list[Ask]] = {True: [], False: []}
    done: set[tuple[str, str]] = set()
    for known, client in ((True, member), (False, visitor)):
        for path in bad_text.page_routes(ids, "x"):
            with transaction.atomic():
                page = client.get(path)
            if page.status_code == 200 and page.headers["Content-Type"].startswith("text/html"):
                asks[known] += bad_text.form_asks(path, page.content.decode(), done)
    for name, bad in BAD.items():
        words = dict.fromkeys(("q", "tag", "next", "key", "session", "part", "cursor", "prompt", "seed"), bad)
        asks[True] += [
            ask
            for path in bad_text.page_routes(ids, bad)
            for ask in (
                Ask(name, f"{path}?{bad_text.query(**words)}"),
                Ask(name, path, "post", {**words, "id": bad, "version": bad, "tags": bad, "notes": bad}),
            )
        ]
    assert len(done) > 40
    assert faults(share.of(asks[True], 50), member.cookies) == []
    assert faults(share.of(asks[False], 15)) == []


def test_no_operation_of_the_api_fails_on_bad_text(share: Share, alice: Any, ids: dict[str, str]) -> None:
    from config.web.schema import document

    member = Client()
    member.force_login(alice)
    asks = list(bad_text.api_asks(json.loads(document("en")[0]), ids))
    assert len(asks) > 1300
    assert faults(share.of(asks, 80), member.cookies) == []


def test_no_operation_of_the_account_api_fails_on_bad_text(
    share: Share, alice: Any, ids: dict[str, str]
) -> None:
    from allauth.headless.spec.internal.schema import get_schema

    member = Client()
    member.force_login(alice)
    token = {"X-Session-Token": str(member.session.session_key)}
    asks = list(bad_text.api_asks(get_schema(), ids))
    assert len(asks) > 300
    assert faults(share.of(asks, 20)) == []
    assert faults(share.of(asks, 20), headers=token) == []
