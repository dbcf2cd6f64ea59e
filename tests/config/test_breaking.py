"""Nothing that the last release's clients use goes without notice."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from typing import Any

import pytest

from accounts.developers.models import Event
from config.management.commands.release_api import FILE, compact
from config.web import deprecations
from config.web.deprecations import TABLE, Deprecation
from config.web.schema import document
from tests.breaking import breaks, unexcused

TODAY = date(2026, 12, 1)
ROW = Deprecation(since=date(2026, 6, 1), sunset=TODAY, link="https://example.com/docs/api")
SMALL: dict[str, Any] = {
    "paths": {
        "/a/{id}": {
            "post": {
                "parameters": [{"name": "q", "in": "query", "schema": {"enum": ["x", "y"]}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/s/Form"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/Row"}}}}},
            }
        }
    },
    "components": {
        "schemas": {
            "Form": {
                "properties": {"name": {"type": "string"}, "kind": {"enum": ["a", "b"]}},
                "required": ["name"],
            },
            "Row": {
                "properties": {"id": {}, "inner": {"properties": {"n": {}, "again": {"$ref": "#/s/Row"}}}}
            },
        }
    },
}


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return dict(json.loads(document("en")[0]))


def test_nothing_of_the_last_release_went(now: dict[str, Any]) -> None:
    """After a release: manage.py release_api."""
    released = json.loads(FILE.read_text())
    assert len(released["paths"]) > 100
    assert unexcused(breaks(released, now), TABLE, date.today()) == []


def test_a_release_is_written_as_it_is_read(now: dict[str, Any]) -> None:
    written = json.loads(compact(copy.deepcopy(now)))
    assert breaks(now, written) == breaks(written, now) == []


def _drop_field(new: dict[str, Any]) -> None:
    del new["components"]["schemas"]["Row"]["properties"]["inner"]["properties"]["n"]


def _drop_path(new: dict[str, Any]) -> None:
    new["paths"]["/b"] = new["paths"].pop("/a/{id}")


def _drop_method(new: dict[str, Any]) -> None:
    new["paths"]["/a/{id}"]["put"] = new["paths"]["/a/{id}"].pop("post")


def _drop_choice(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["Form"]["properties"]["kind"]["enum"] = ["a", "c"]


def _change_type(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["Form"]["properties"]["name"]["type"] = "integer"


def _require(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["Form"]["required"] = ["name", "kind"]


def _require_a_new_one(new: dict[str, Any]) -> None:
    new["paths"]["/a/{id}"]["post"]["parameters"].append(
        {"name": "X", "in": "header", "schema": {}, "required": True}
    )


def _add(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["Form"]["properties"]["more"] = {}
    new["components"]["schemas"]["Form"]["required"] = []
    new["paths"]["/b"] = new["paths"]["/a/{id}"]


@pytest.mark.parametrize(
    "change,found",
    [
        (_drop_field, ["gone: POST /a/{id} < inner.n"]),
        (_drop_method, ["gone: POST /a/{id}"]),
        (_drop_path, ["gone: POST /a/{id}"]),
        (_drop_choice, ["gone: POST /a/{id} > body.kind = b"]),
        (_change_type, ["gone: POST /a/{id} > body.name is string"]),
        (_require, ["newly required: POST /a/{id} > body.kind"]),
        (_require_a_new_one, ["newly required: POST /a/{id} > header.X"]),
        (_add, []),
    ],
)
def test_what_breaks_a_client_is_found_and_excused_by_its_row(change: Any, found: list[str]) -> None:
    new = copy.deepcopy(SMALL)
    change(new)
    broken = breaks(SMALL, new)
    assert broken[:1] == found
    names = [each.partition(": ")[2] for each in found]
    late, early = dict.fromkeys(names, ROW), dict.fromkeys(names, Deprecation(ROW.since, date.max, "x"))
    assert unexcused(broken, late, TODAY) == []
    assert unexcused(broken, early, TODAY) == broken


def test_a_deprecated_operation_says_so_in_its_answers(
    client: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Sunset" not in client.get("/api/v1/plans")
    monkeypatch.setattr(deprecations, "TABLE", {"GET /api/v1/plans < results": ROW})
    told = client.get("/api/v1/plans")
    assert (told["Deprecation"], told["Sunset"]) == ("@1780272000", "Tue, 01 Dec 2026 00:00:00 GMT")
    assert told["Link"] == '<https://example.com/docs/api>; rel="deprecation"'
    assert "Sunset" not in client.get("/api/v1/styles")
    assert deprecations.rows_of("GET", "/api/v1/plans") == [ROW]


def test_every_row_of_the_table_is_an_operation_and_leaves_half_a_year(now: dict[str, Any]) -> None:
    known = {f"{m.upper()} {path}" for path, methods in now["paths"].items() for m in methods}
    assert {" ".join(name.split(" ")[:2]) for name in TABLE} <= known
    assert all((row.sunset - row.since).days >= 180 for row in TABLE.values())


def test_every_webhook_is_described(now: dict[str, Any]) -> None:
    import jsonschema

    assert set(now["webhooks"]) == {*Event.values, "webhook.test"}
    for name, methods in now["webhooks"].items():
        content = methods["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": now["components"]}
        jsonschema.Draft202012Validator(schema).validate(content["example"])
        assert content["example"]["type"] == name


# The contract's table: the methods, then the addresses that have them.
ROWS = """
GET PATCH DELETE me | POST me/export | GET POST consents | DELETE consents/{} | GET POST api-keys
DELETE api-keys/{} | POST api-keys/{}/rotate | GET POST webhooks | GET PATCH DELETE webhooks/{}
GET webhooks/{}/deliveries | POST webhooks/{}/replay | GET notifications | POST notifications/read
POST DELETE push-subscriptions | GET POST twins | GET PATCH DELETE twins/{} | GET POST twins/{}/photos
GET DELETE twins/{}/photos/{} | GET POST twins/{}/uploads | GET PATCH DELETE uploads/{} | GET photos
GET POST twins/{}/verification | GET POST twins/{}/trainings | GET trainings/{} | POST trainings/{}/cancel
POST trainings/{}/activate | GET trainings/{}/weights | GET POST generations | GET generations/{}
POST generations/{}/cancel | POST generations/{}/repeat | GET engines | POST quote | GET POST sessions
GET PATCH DELETE sessions/{} | POST sessions/{}/repeat | GET styles | GET packs | GET prompts/suggest
GET POST restorations | GET PATCH DELETE restorations/{} | POST restorations/delete | POST faces/search
GET items | GET PATCH DELETE items/{} | GET items/{}/content | GET items/{}/thumbnail | POST items/{}/edits
POST items/bulk | POST items/bulk/{}/undo | POST items/delete | POST exports | GET exports/{}
GET exports/{}/content | GET POST albums | GET PATCH DELETE albums/{} | POST albums/{}/items
POST items/{}/share | DELETE shares/{} | POST items/{}/publish | POST items/{}/withdraw
POST DELETE items/{}/like | GET POST items/{}/comments | POST items/{}/feedback | GET public/items | GET plans
GET billing | GET billing/entries | POST billing/checkout | POST billing/portal | POST reports
POST takedowns | GET takedowns/{} | POST decisions/{}/appeal | POST verify | GET events
GET POST tickets | GET tickets/{} | GET POST tickets/{}/messages | GET help
"""


def test_every_row_of_the_contract_is_there_with_its_refusals_and_an_example(now: dict[str, Any]) -> None:
    found = {re.sub(r"{\w+}", "{}", path): methods for path, methods in now["paths"].items()}
    rows = [each.split() for line in ROWS.strip().splitlines() for each in line.split(" | ")]
    missing = [
        (m, path) for *ms, path in rows for m in ms if m.lower() not in found.get(f"/api/v1/{path}", {})
    ]
    assert missing == []
    for *methods, path in rows:
        for method in methods:
            operation = found[f"/api/v1/{path}"][method.lower()]
            refused = {status for status in operation["responses"] if status >= "400"}
            assert {"401", "503"} <= refused, operation
            for answer in operation["responses"].values():
                assert "example" in answer.get("content", {}).get("application/json", {"example": ""})
