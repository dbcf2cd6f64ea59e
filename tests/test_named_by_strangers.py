"""Requests of one user that name objects of another one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_isolation import things  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address, body",
    [
        ("items/delete", {"ids": ["item"]}),
        ("exports", {"ids": ["item"]}),
        ("items/bulk", {"ids": ["item"], "favourite": True}),
        ("items/delete", {"filter": {"twin": "twin"}}),
    ],
)
def test_alices_things_named_in_a_strangers_request_are_not_found_or_left_alone(
    as_bob: Any,
    things: dict[str, str],  # noqa: F811
    address: str,
    body: dict[str, Any],
) -> None:
    from accounts.models import Export
    from gallery.models import Item

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: filled(v) for k, v in value.items()}
        return [filled(v) for v in value] if isinstance(value, list) else things.get(value, value)

    answer = as_bob.post(f"/api/v1/{address}", filled(body), format="json")
    assert answer.status_code in (200, 202)
    assert answer.json().get("deleted", 0) == 0
    assert Item.objects.filter(id=things["item"]).exists()
    for export in Export.objects.exclude(id=things["export"]):
        from accounts.archive import members

        assert list(members(export)) == []


def test_a_stranger_can_neither_reuse_alices_photo_nor_ask_the_price_of_her_twin(
    as_bob: Any,
    bob: Any,
    things: dict[str, str],  # noqa: F811
) -> None:
    from twins import services

    mine = services.create_twin(bob, name="Bob")
    photo = as_bob.post(f"/api/v1/twins/{mine.id}/photos", {"photo": things["photo"]}, format="json")
    quote = as_bob.post("/api/v1/quote", {"kind": "training", "twin": things["twin"]}, format="json")
    repeat = as_bob.post("/api/v1/generations", {"twin": things["twin"], "prompt": "x"}, format="json")
    assert [photo.status_code, quote.status_code, repeat.status_code] == [404, 404, 404]
