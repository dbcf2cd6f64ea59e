"""A migration must leave what the running version reads and writes: both run at once during a release.

A column or table goes in the release after the one that stopped using it, a new column has a default in the
database, and a constraint on old rows is added apart from them. django-migration-linter judges the SQL.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django_migration_linter.sql_analyser import analyse_sql_statements
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

ROOT = Path(__file__).resolve().parent.parent
# The last migration of each app that was made before this rule.
BEFORE = {
    "accounts": 37,
    "billing": 8,
    "gallery": 46,
    "generation": 23,
    "moderation": 7,
    "support": 4,
    "twins": 13,
}


def problems(sql: list[str]) -> set[str]:
    errors, _ignored, _warnings = analyse_sql_statements(PostgresqlAnalyser, sql, ())
    return {found.code for found in errors}


def new_migrations() -> Iterator[tuple[str, str]]:
    for app, name in MigrationLoader(None).disk_migrations:
        if int(name[:4]) > BEFORE.get(app, 9999):
            yield app, name


@pytest.mark.django_db(transaction=True)  # an index that is built concurrently is refused in a transaction
def test_the_running_version_can_live_with_each_new_migration() -> None:
    for app, name in new_migrations():
        sql = io.StringIO()
        call_command("sqlmigrate", app, name, stdout=sql)
        assert not problems(sql.getvalue().splitlines()), f"{app} {name}"


def test_a_migration_outside_a_transaction_is_one_operation() -> None:
    """What was tried in vain is tried again from its beginning (config/management/commands/migrate.py)."""
    disk = MigrationLoader(None).disk_migrations
    assert not [each for each in new_migrations() if not disk[each].atomic and len(disk[each].operations) > 1]


def test_every_app_with_migrations_is_under_the_rule() -> None:
    apps = {path.parent.parent.name for path in ROOT.glob("*/migrations/__init__.py")}
    assert apps == BEFORE.keys()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "operation, refused",
    [
        (migrations.RemoveField("tag", "name"), "DROP_COLUMN"),
        (migrations.RenameField("tag", "name", "word"), "RENAME_COLUMN"),
        (migrations.AlterModelTable("tag", "words"), "RENAME_TABLE"),
        (migrations.DeleteModel("tag"), "DROP_TABLE"),
        (migrations.AlterField("tag", "name", models.IntegerField()), "ALTER_COLUMN"),
        # Django's own default is not one of the database: the running version's INSERT would fail.
        (migrations.AddField("tag", "rank", models.IntegerField(default=0)), "NOT_NULL"),
        (migrations.AddField("tag", "rank", models.IntegerField(db_default=0)), None),
        (migrations.AddField("tag", "rank", models.IntegerField(null=True)), None),
    ],
    ids=str,
)
def test_what_a_running_version_cannot_live_with_is_refused(
    operation: migrations.operations.base.Operation, refused: str | None
) -> None:
    before = ProjectState()
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9))]
    migrations.CreateModel("Tag", fields).state_forwards("gallery", before)
    after = before.clone()
    operation.state_forwards("gallery", after)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        operation.database_forwards("gallery", editor, before, after)
    assert problems(editor.collected_sql) == ({refused} if refused else set())
