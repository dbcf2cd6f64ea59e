"""`manage.py erase_check` proves an erasure, and finds whatever is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from accounts.models import DataKey, User
from accounts.privacy.models import PrivacyRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_storage")]


def left(account: Any) -> str:
    """What the command lists; "" when it passes."""
    try:
        call_command("erase_check", str(account))
    except CommandError as error:
        return f"status {error.returncode}: {error}"
    return ""


def test_before_the_erasure_it_fails_and_says_why(anna: Any) -> None:
    found = left(anna.id)
    assert found.startswith("status 1")
    for part in ("no tombstone", "key is still there", "sessions name it", "twins_photo: ", "opens"):
        assert part in found


def test_after_it_the_id_and_the_receipt_pass(anna: Any, bert: Any, erase: Callable[[Any], Any]) -> None:
    receipt = erase(anna)
    assert (left(anna.id), left(receipt.id)) == ("", "")
    assert left(bert.id)


def test_a_request_that_is_not_done_yet_is_found_by_its_receipt(anna: Any) -> None:
    from accounts import erasure

    assert "key is still there" in left(erasure.ask(anna).id)


def test_a_planted_file_is_found(anna: Any, erase: Callable[[Any], Any]) -> None:
    erase(anna)
    storages["default"].save(f"users/{anna.id.hex}/items/x.png", ContentFile(b"left"))
    assert "The file items/x.png is still there, and does not open." in left(anna.id)


def test_planted_rows_are_found_whether_or_not_they_are_foreign_keys(
    anna: Any, erase: Callable[[Any], Any]
) -> None:
    erase(anna)
    PrivacyRequest.objects.create(kind="access", email="a@example.com", language="en", details=f"{anna.id}")
    assert "accounts_privacyrequest: 1 rows name it." in left(anna.id)
    User.objects.create(id=anna.id, email="back@example.com")
    DataKey.objects.create(user_id=anna.id, wrapped=b"x")
    found = left(anna.id)
    assert "accounts_user: 1 rows" in found
    assert "key is still there" in found


def test_without_a_tombstone_it_fails(anna: Any, erase: Callable[[Any], Any]) -> None:
    erase(anna)
    storages["tombstones"].delete(anna.id.hex)
    assert "no tombstone" in left(anna.id)


@pytest.mark.parametrize("name", ["", "boat", "00000000-0000-4000-8000-000000000000"])
def test_what_is_no_account_never_passes(name: str) -> None:
    assert left(name)
