"""No request causes a server error, and every status is one that the OpenAPI description tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.plugin import Share
from tests.test_web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]
EXAMPLES = 20, 2  # per endpoint: with --thorough, and without; the same in every run


def test_no_request_makes_a_server_error(tmp_path: Path, share: Share) -> None:
    web = Web(tmp_path)
    try:
        token = web.wait().sign_up("carol@example.com")
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{web.port}/api/v1/openapi.json")
        headers, faults = {"Authorization": f"Bearer {token}"}, []
        answering = schema.exclude(path="/api/v1/events")  # an endless stream, tested in tests/test_web.py
        operations = [found.ok() for found in answering.get_all_operations()]
        for operation in operations:
            try:
                _try(operation, headers, share.number(*EXAMPLES))
            except Exception as e:
                faults.append(f"{operation.method} {operation.path}: {str(e)[:400]}")
        assert len(operations) > 40
        assert faults == []
    finally:
        web.stop()


def _try(operation: Any, headers: dict[str, str], examples: int) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def once(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=[not_a_server_error, status_code_conformance])

    once()
