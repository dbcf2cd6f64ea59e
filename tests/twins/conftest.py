"""A base whose pictures can deceive, with the quick engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.studio import EngineDouble
from tests.twins.sittings import DECEIVES


@pytest.fixture
def deceiving(engine: EngineDouble, settings: Any) -> Iterator[EngineDouble]:
    from config import studio

    settings.STUDIO_PROFILES = ["nano", DECEIVES]
    studio.use_engine(DECEIVES, engine)
    yield engine
    studio.use_engine(DECEIVES, None)
