"""What a program does that follows the description's links: makes a thing, reads, changes and deletes it.
No step makes a server error, and every status is one that the description tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.test_schema import PATIENCE
from tests.test_web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers, pytest.mark.thorough]
WALKS, STEPS = 40, 12
# Those that end the account, what everything needs, and the stream that has no end.
LEFT_OUT = r"^/api/v1/(me|events|consents/.*)$"


def test_every_link_leads_to_an_operation_and_fills_its_path() -> None:
    import json

    from config.web.schema import document

    found: Any = json.loads(document("en")[0])
    names = {op["operationId"]: path for path, ops in found["paths"].items() for op in ops.values()}
    links = [
        link
        for ops in found["paths"].values()
        for op in ops.values()
        for answer in op["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 80
    for link in links:
        assert all(f"{{{name}}}" in names[link["operationId"]] for name in link["parameters"])
        assert names[link["operationId"]].count("{") == len(link["parameters"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_walk_makes_a_server_error(number: int, tmp_path: Path, record_property: Any) -> None:
    web = Web(tmp_path)
    try:
        token = web.wait().sign_up("carol@example.com")
        web.consent(token)
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{web.port}/api/v1/openapi.json")
        reached: set[str] = set()
        machine = walker(schema.exclude(path_regex=LEFT_OUT), token, reached)
        run = settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(number)(machine.TestCase).settings = run
        machine.run(settings=run)
        record_property(
            "said", f"schemathesis, walks of seed {number}: {len(reached)} operations with success"
        )
        assert len(reached) > 30
    finally:
        web.stop()


def walker(schema: Any, token: str, reached: set[str]) -> Any:
    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}"}, "timeout": PATIENCE}

        def validate_response(self, response: Any, case: Any, **_more: Any) -> None:
            checks = [not_a_server_error, status_code_conformance]
            case.validate_response(response, checks=checks)
            if response.status_code < 300:
                reached.add(case.operation.label)

    return Walk
