"""Management commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import jpeg
from tests.studio import EngineDouble, JudgeDouble

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(10):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(i * 9))
    (tmp_path / "notes.txt").write_text("no photo")
    return tmp_path


def test_a_twin_from_a_folder(
    consented: Any, folder: Path, judge: JudgeDouble, engine: EngineDouble, wake_ups: list[Any], capsys: Any
) -> None:
    call_command("createtwin", str(folder), user=consented.email, subject="woman", seed=3)
    twin = consented.twins.get()
    assert (twin.photos.accepted().count(), twin.active_training.seed) == (10, 3)
    assert "likeness 0.80" in capsys.readouterr().out


def test_the_demonstration_is_made_once(db: None, folder: Path, settings: Any, tmp_path: Path) -> None:
    """With photos that are there; `make run` draws them (tests/test_make_run.py with --thorough)."""
    from accounts.models import User
    from billing import ledger
    from generation.management.commands.load_demo import EMAIL

    settings.VAR = tmp_path / "var"
    settings.VAR.mkdir()
    for _ in range(2):
        call_command("load_demo", photos=folder)
    user = User.objects.get(email=EMAIL)
    assert ledger.balance(ledger.wallet_of(user)).available == 103  # with those of the plan
    assert user.twins.get().photos.filter(status="queued").count() == 10
    mail, password = (
        line.partition(": ")[2] for line in (settings.VAR / "demo.txt").read_text().splitlines()
    )
    assert (mail, user.check_password(password)) == (EMAIL, True)


def test_a_dry_run_changes_nothing(consented: Any, folder: Path, capsys: Any) -> None:
    call_command("createtwin", str(folder), user=consented.email, dry_run=True)
    assert "10 photos" in capsys.readouterr().out
    assert not consented.twins.exists()


def test_without_the_consent_there_is_no_twin(alice: Any, folder: Path) -> None:
    with pytest.raises(CommandError, match="consent_required"):
        call_command("createtwin", str(folder), user=alice.email)


@pytest.mark.parametrize(
    "user, where, said",
    [("nobody@example.com", "", "no user"), ("alice@example.com", "nowhere", "no folder")],
)
def test_what_is_not_there_is_said(alice: Any, folder: Path, user: str, where: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("createtwin", str(folder / where), user=user)


def test_the_ledger_is_checked(alice: Any, capsys: Any) -> None:
    from billing import ledger

    ledger.wallet_of(alice)
    call_command("ledger_check")
    assert "adds up" in capsys.readouterr().out


def test_the_bases_that_run_here_are_fetched_when_none_is_named(settings: Any, capsys: Any) -> None:
    settings.STUDIO_PROFILES = ["fal", "nano"]
    call_command("fetch_models")
    assert "nano ships with the program" in capsys.readouterr().out
    settings.STUDIO_PROFILES = ["fal"]
    with pytest.raises(CommandError, match="nothing to fetch"):
        call_command("fetch_models")


def test_a_base_that_there_is_not_cannot_be_fetched() -> None:
    with pytest.raises(CommandError, match="unknown_base"):
        call_command("fetch_models", "boat")
    with pytest.raises(CommandError, match="one base"):
        call_command("fetch_models", "nano", "flux-schnell", into="somewhere")


def test_one_round_of_the_sweeper(capsys: Any, db: None) -> None:
    call_command("sweep")
    assert "0 rows" in capsys.readouterr().out


def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
