from __future__ import annotations

import json

import pytest

from .contract import check_answer
from .shop import Shop
from .stripe import FakeStripe


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture(autouse=True)
def _every_answer_is_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = FakeStripe.answer

    def checked(self, *args):
        status, headers, said = plain(self, *args)
        if status == 200:
            check_answer(json.loads(said))
        return status, headers, said

    monkeypatch.setattr(FakeStripe, "answer", checked)
