from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from config import registry
from tests.moderation.pictures import Remarks
from tests.rights import staff_with


@pytest.fixture
def remarks(alice: Any) -> Iterator[Remarks]:
    """alice's remark "r1" is there to be reported."""
    made = Remarks()
    made.texts["r1"] = (alice.id, "a remark")
    registry.subjects["remark"] = made
    yield made
    del registry.subjects["remark"]


@pytest.fixture
def limits() -> None:
    """Requested by tests of the limits; without it they are generous."""


@pytest.fixture(autouse=True)
def _generous_limits(request: pytest.FixtureRequest) -> None:
    if "limits" not in request.fixturenames:
        request.getfixturevalue("generous_limits")


@pytest.fixture
def staff(db: None) -> Any:
    return staff_with("moderation.decide_case", "moderation.look_case")
