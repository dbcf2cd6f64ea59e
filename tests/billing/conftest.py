from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.billing.shop import Shop, confirmed, opened


@pytest.fixture
def shop(db: None, settings: Any) -> Iterator[Shop]:
    with opened(settings) as shop:
        yield shop


@pytest.fixture
def buyer(alice: Any) -> Any:
    return confirmed(alice)
