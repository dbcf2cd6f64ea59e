from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from billing import audit
from tests.billing.shop import Shop, opened


@pytest.fixture
def shop(db: None, settings: Any) -> Iterator[Shop]:
    with opened(settings) as shop:
        yield shop


@pytest.fixture
def buyer(alice: Any) -> Any:
    return alice


@pytest.fixture
def adds_up(db: None) -> Iterator[None]:
    """Checks after the test that the ledger's audit finds no error."""
    yield
    assert audit.problems(runs=False) == []
