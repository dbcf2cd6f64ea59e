from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config import studio
from tests.gallery.faces import FaceJudge, agree


@pytest.fixture
def eyes() -> Iterator[FaceJudge]:
    double = FaceJudge()
    studio.use_judge(double)  # type: ignore[arg-type]
    yield double
    studio.use_judge(None)


@pytest.fixture
def measured(eyes: FaceJudge, work: Callable[[], int], django_capture_on_commit_callbacks: Any) -> Any:
    """Has all pictures of a user measured, who agrees to it."""
    from gallery.faces import indexing

    def measure(user: Any) -> None:
        agree(user)
        with django_capture_on_commit_callbacks(execute=True):
            indexing.ask(user)
        work()

    return measure
