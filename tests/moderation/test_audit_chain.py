"""The audit log: append-only, chained, also with many writers at once, and whole after an erasure."""

from __future__ import annotations

from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from moderation import audit
from moderation.models import AuditEntry

pytestmark = pytest.mark.django_db


def write(n: int, actor: Any = None) -> list[AuditEntry]:
    return [AuditEntry.objects.create(actor=actor, verb=f"did_{i}", subject_id=str(i)) for i in range(n)]


def forge(sql: str) -> None:
    """Changes the table as somebody does who may switch its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_each_row_follows_the_one_before(alice: Any) -> None:
    write(2, alice)
    AuditEntry.objects.bulk_create(AuditEntry(verb="many") for _ in range(3))
    rows = list(AuditEntry.objects.order_by("place"))
    assert [row.place for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == ["", *(row.hash for row in rows[:-1])]
    assert list(audit.problems()) == []


@pytest.mark.parametrize("change", [{"verb": "other"}, {"detail": "x"}, {"subject_id": "9"}, {"place": 7}])
def test_the_database_refuses_a_change(change: dict[str, Any]) -> None:
    write(1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(**change)


def test_the_database_refuses_another_actor_and_a_deletion(alice: Any, bob: Any) -> None:
    write(1, alice)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(actor=bob)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()
    assert AuditEntry.objects.get().actor == alice


@pytest.mark.parametrize(
    "sql, where",
    [
        ("UPDATE moderation_auditentry SET detail = 'x' WHERE place = 2", "Row 2: its content was changed."),
        ("UPDATE moderation_auditentry SET subject_id = 'x' WHERE place = 2", "Row 2: its actor or its"),
        ("DELETE FROM moderation_auditentry WHERE place = 2", "Row 3: rows before it are missing."),
        ("UPDATE moderation_auditentry SET previous = 'x' WHERE place = 2", "Row 2: it does not follow"),
    ],
)
def test_a_forged_row_is_found(sql: str, where: str) -> None:
    write(4)
    forge(sql)
    assert next(audit.problems()).startswith(where)
    with pytest.raises(CommandError, match="broken"):
        call_command("audit_check", stdout=StringIO(), stderr=StringIO())


def test_an_actor_put_in_anothers_place_is_found(alice: Any, bob: Any) -> None:
    write(1, alice)
    forge(f"UPDATE moderation_auditentry SET actor_id = '{bob.id}'")
    assert list(audit.problems()) == ["Row 1: its actor or its subject was changed."]


def test_an_end_that_was_cut_off_is_found_by_who_kept_it() -> None:
    write(3)
    told = audit.end()
    write(1)
    assert list(audit.problems(told)) == []
    forge("DELETE FROM moderation_auditentry WHERE place >= 3")
    assert list(audit.problems()) == []
    assert list(audit.problems(told)) == ["Row 3: it is not the one that was told earlier."]
    with pytest.raises(CommandError):
        call_command("audit_check", expect=str(told), stdout=StringIO(), stderr=StringIO())


def test_the_command_tells_the_end_and_takes_it_again() -> None:
    write(2)
    out = StringIO()
    call_command("audit_check", stdout=out)
    told = out.getvalue().split()[-1]
    call_command("audit_check", expect=told, stdout=out)
    with pytest.raises(CommandError, match="PLACE:HASH"):
        call_command("audit_check", expect="7", stdout=out)


def test_the_chain_holds_after_an_erasure(alice: Any, bob: Any) -> None:
    from moderation.exports import make_anonymous

    write(2, alice)
    AuditEntry.objects.create(actor=bob, verb="warned", subject_kind="user", subject_id=str(alice.id))
    make_anonymous(alice)
    assert list(audit.problems()) == []
    assert str(alice.id) not in str(list(AuditEntry.objects.values()))
    assert AuditEntry.objects.filter(salt=None).count() == 3


def test_the_chain_holds_after_the_deletion_of_an_actor(bob: Any) -> None:
    write(1, bob)
    bob.delete()
    assert list(audit.problems()) == []
    assert AuditEntry.objects.get().actor is None


@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain() -> None:
    def work() -> None:
        try:
            for _ in range(10):
                with transaction.atomic():
                    write(2)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditEntry.objects.count() == 160
    assert audit.end().place == 160
    assert list(audit.problems()) == []
