"""The lists of blocked words, people and pictures: versions, broken lines, and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches

from config.errors import Invalid
from moderation import policy
from moderation.hashes.models import BlockedHash
from moderation.lists import services
from moderation.lists.lines import LISTS, LineBroken
from moderation.lists.models import ListVersion
from moderation.models import AuditEntry, BlockedTerm
from tests.moderation.test_hashes import HEX, LINE
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
WHY = "the courts say so"


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    caches["redis"].delete(policy.TERMS)
    yield
    caches["redis"].delete(policy.TERMS)


@pytest.fixture
def editor() -> Any:
    rights = ("view_blockedterm", "change_blockedterm", "change_hash_lists", "view_blockedhash")
    return staff_with(*(f"moderation.{right}" for right in (*rights, "delete_blockedhash")))


def test_each_change_is_a_version_and_the_way_back_is_one_too(editor: Any) -> None:
    services.replace("words", "boat # x\n\nhill", actor=editor, why=WHY)
    services.replace("words", "hill\ntree", actor=editor, why=WHY)
    assert LISTS["words"].now() == ["hill", "tree"]
    services.roll_back("words", 1, actor=editor, why=WHY)
    assert LISTS["words"].now() == ["boat # x", "hill"]
    services.roll_back("words", 0, actor=editor, why=WHY)
    assert LISTS["words"].now() == []
    services.roll_back("words", 2, actor=editor, why=WHY)
    assert LISTS["words"].now() == ["hill", "tree"]
    rows = ListVersion.objects.order_by("number").values_list("number", "by", "why")
    assert list(rows) == [(n, editor.pk, WHY) for n in range(1, 6)]
    assert AuditEntry.objects.filter(actor=editor, verb="change_words").count() == 5


def test_the_same_again_makes_no_version(editor: Any) -> None:
    services.replace("people", "Jane Roe", actor=editor, why=WHY)
    for again in (
        lambda: services.replace("people", " Jane Roe \n", actor=editor, why=WHY),
        lambda: services.roll_back("people", 1, actor=editor, why=WHY),
        lambda: services.take_off("people", ["nobody"], actor=editor, why=WHY),
    ):
        with pytest.raises(services.NothingChanged):
            again()
    assert ListVersion.objects.count() == 1


@pytest.mark.parametrize("line", ["***", "# a reason alone", "x" * 81, "a\x07b", "boat # " + "x" * 161])
def test_a_broken_line_is_named_and_nothing_changes(editor: Any, line: str) -> None:
    with pytest.raises(LineBroken) as refused:
        services.replace("words", f"hill\n{line}\n", actor=editor, why=WHY)
    assert "Line 2 " in refused.value.detail
    assert not BlockedTerm.objects.exists()


@pytest.mark.parametrize("why", ["", "no", "x" * 201])
def test_a_change_needs_a_reason(editor: Any, why: str) -> None:
    with pytest.raises(Invalid):
        services.replace("words", "hill", actor=editor, why=why)
    assert not BlockedTerm.objects.exists()


def test_a_listed_person_is_refused_as_a_known_one_and_a_word_as_blocked(editor: Any) -> None:
    services.replace("people", "Zorblat", actor=editor, why=WHY)
    services.replace("words", "hillock", actor=editor, why=WHY)
    policy.forget_terms()
    assert policy.of_prompt("z0rbl@t in a park").code == "known_person"
    assert policy.of_prompt("z0rbl@t in a park", adult=True).code == "known_person"
    assert (policy.of_prompt("a hillock").code, policy.of_prompt("a hill").code) == ("blocked", "")


def test_an_imported_list_is_taken_back(editor: Any) -> None:
    services.add("hashes", f"{LINE}\n{HEX},Others,2026-01-31", actor=editor, why=WHY)
    services.take_off("hashes", [LINE], actor=editor, why=WHY)
    assert list(BlockedHash.objects.values_list("source", flat=True)) == ["Others"]
    services.roll_back("hashes", 1, actor=editor, why=WHY)
    assert BlockedHash.objects.count() == 2
    services.roll_back("hashes", 0, actor=editor, why=WHY)
    assert not BlockedHash.objects.exists()


def test_staff_edit_on_the_page_and_keep_what_they_typed(editor: Any) -> None:
    client, where = logged_in(editor), "/admin/moderation/blockedterm/lists/words/"
    post = lambda **said: client.post(where, said, follow=True).text  # noqa: E731
    assert "Version 1 is saved." in post(lines="hill # steep", why=WHY)
    page = post(lines="hill\n***", why=WHY)
    assert "Line 2 cannot be used" in page
    assert "hill\n***" in page
    assert "Write why" in post(lines="tree", why="")
    assert "Version 2 is saved." in post(to="0", why=WHY)
    assert "cannot be done" in post(to="x", why=WHY)
    assert client.get("/admin/moderation/blockedterm/lists/hashes/").status_code == 200
    assert client.get("/admin/moderation/blockedterm/lists/boats/").status_code == 404


def test_a_hash_that_staff_take_off_is_a_version(editor: Any) -> None:
    services.add("hashes", LINE, actor=editor, why=WHY)
    row = BlockedHash.objects.get()
    client = logged_in(editor)
    client.post(f"/admin/moderation/blockedhash/{row.id}/delete/", {"post": "yes"})
    assert not BlockedHash.objects.exists()
    assert ListVersion.objects.first().removed == [LINE]


def test_staff_without_the_right_see_no_list() -> None:
    client = logged_in(staff_with("moderation.view_blockedterm"))
    for name in ("words", "people", "hashes"):
        assert client.get(f"/admin/moderation/blockedterm/lists/{name}/").status_code == 403
