"""A base whose pictures can deceive, with the quick engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.studio import EngineDouble
from tests.twins.sittings import DECEIVES


@pytest.fixture
def deceiving(engine: EngineDouble) -> Iterator[EngineDouble]:
    from config import studio

    studio.use_engine(DECEIVES, engine)
    yield engine
    studio.use_engine(DECEIVES, None)
