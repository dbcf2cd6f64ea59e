"""No request causes a server error, and every status is one that the OpenAPI description tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.plugin import Share
from tests.test_web import Web

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]
EXAMPLES = 20, 2  # per endpoint: with --thorough, and without; the same in every run
PATIENCE = 120  # seconds that an answer may take on a busy machine
OPERATIONS = 45  # without --thorough: about every fourth one
SEEDS = 1, pytest.param(2, marks=pytest.mark.thorough), pytest.param(3, marks=pytest.mark.thorough)


@pytest.mark.parametrize("number", SEEDS)
def test_no_request_makes_a_server_error(
    number: int, tmp_path: Path, share: Share, record_property: Any
) -> None:
    web = Web(tmp_path)
    try:
        token = web.wait().sign_up("carol@example.com")
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{web.port}/api/v1/openapi.json")
        headers, faults, reached = {"Authorization": f"Bearer {token}"}, [], set()
        answering = schema.exclude(path="/api/v1/events")  # an endless stream, tested in tests/test_web.py
        operations = share.of([found.ok() for found in answering.get_all_operations()], OPERATIONS)
        for operation in operations:
            try:
                if any(status < 300 for status in _try(operation, headers, number, share.number(*EXAMPLES))):
                    reached.add(operation.label)
            except (Exception, FailureGroup) as e:
                faults.append(f"{operation.method} {operation.path}: {str(e)[:400]}")
        said = f"{len(operations)} operations were called, {len(reached)} of them with success"
        record_property("said", f"schemathesis, seed {number}: {said}")
        assert len(operations) > 40
        assert faults == []
    finally:
        web.stop()


def _try(operation: Any, headers: dict[str, str], number: int, examples: int) -> set[int]:
    """The statuses of the answers."""
    found: set[int] = set()

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def once(case: Any) -> None:
        checks = [not_a_server_error, status_code_conformance]
        answer = case.call_and_validate(headers=headers, checks=checks, timeout=PATIENCE)
        found.add(answer.status_code)

    once()
    return found
