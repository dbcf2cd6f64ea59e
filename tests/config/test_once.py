"""What a page reads once (config/web/once.py)."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from config.web.once import OnceMiddleware, once

READ: list[str] = []


@once
def row(name: str) -> str:
    READ.append(name)
    return f"{name} {len(READ)}"


@pytest.mark.parametrize(
    ("method", "shown"), [("GET", "a 1, b 2, a 1"), ("POST", "a 1, b 2, a 3"), ("PATCH", "a 1, b 2, a 3")]
)
def test_a_get_reads_once_and_what_may_write_reads_anew(method: str, shown: str) -> None:
    READ.clear()
    page = OnceMiddleware(lambda request: HttpResponse(", ".join(map(row, "aba"))))
    assert page(RequestFactory().generic(method, "/")).content.decode() == shown


def test_the_next_page_and_work_outside_of_pages_read_anew() -> None:
    READ.clear()
    page = OnceMiddleware(lambda request: HttpResponse(row("a")))
    answers = [page(RequestFactory().get("/")).content.decode() for _ in range(2)]
    assert (answers, row("a"), row("a")) == (["a 1", "a 2"], "a 3", "a 4")
