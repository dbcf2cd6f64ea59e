"""Each route of the API has a row in the table of scopes, and lets in the keys that the row says."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.developers import services
from accounts.developers.authentication import BY_PATH
from accounts.developers.scopes import TABLE, Scope
from config import urls
from config.web.schema import document
from tests.test_isolation import routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("generous_limits")]
FILL = {
    "<uuid:ident>": str(UUID(int=7)),
    "<uuid:photo>": str(UUID(int=8)),
    "<slug:code>": "none",
    "<slug:kind>": "none",
    "<slug:number>": "PF-222222",
    "<int:number>": "0",
}
MATRIX = [(route, method.upper()) for route, method in routes()]


def address(route: str) -> str:
    for name, value in FILL.items():
        route = route.replace(name, value)
    assert "<" not in route
    return f"/api/v1/{route}"


def with_key(user: Any, *scopes: str) -> APIClient:
    _row, key = services.create_key(user, name=" ".join(scopes), scopes=scopes)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return client


def call(client: APIClient, route: str, method: str) -> tuple[int, str, Any]:
    answer = getattr(client, method.lower())(address(route), {}, format="json")
    if answer.status_code < 400 or "json" not in answer["Content-Type"]:
        return answer.status_code, "", None
    return answer.status_code, answer.json()["code"], answer.json().get("scope")


def test_every_route_and_method_has_its_row_and_no_row_is_left_over() -> None:
    table = {(route, method) for route, row in TABLE.items() for method in row}
    assert table == set(MATRIX)


@pytest.mark.parametrize("scope", Scope)
def test_a_key_of_one_scope_is_let_in_where_the_table_says(scope: Scope, alice: Any) -> None:
    client, wrong = with_key(alice, scope), []
    for route, method in MATRIX:
        wanted = TABLE[route][method]
        status, code, named = call(client, route, method)
        let_in = status != 401 and code != "scope_missing"
        if let_in is not (wanted == scope) or (not let_in and (status, named) != (403, wanted)):
            wrong.append((method, route, status, code, named))
    assert wrong == []


def test_no_key_is_let_in_where_the_table_says_none(alice: Any) -> None:
    client = with_key(alice, *Scope)
    shut = [(route, method) for route, method in MATRIX if TABLE[route][method] is None]
    assert {call(client, *each) for each in shut} == {(403, "scope_missing", None)}
    assert {route.split("/")[0] for route, _method in shut} >= {"me", "consents", "api-keys", "locked"}
    assert ("billing/checkout", "POST") in shut


def test_what_is_in_no_table_is_shut_too(alice: Any) -> None:
    client = with_key(alice, *Scope)
    assert client.get("/api/v1/events").json()["code"] == "scope_missing"
    assert client.put("/api/v1/me", {}).json()["code"] == "scope_missing"


def test_the_description_names_the_scope_of_every_operation() -> None:
    import json

    found = json.loads(document("en")[0])
    assert found["components"]["securitySchemes"]["apiKeyAuth"]["name"] == "Authorization"
    for path, row in BY_PATH.items():
        for method, scope in row.items():
            operation = found["paths"][path][method.lower()]
            named = [each["apiKeyAuth"] for each in operation.get("security", []) if "apiKeyAuth" in each]
            assert named == ([[scope]] if scope else []), (path, method)
            assert "scope_missing" in operation["responses"]["403"]["description"]
    assert len(BY_PATH) == len(urls.api)
