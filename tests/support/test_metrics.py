"""/metrics: who may read it, what it tells of the product, and that it fails in parts, not as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config.runs import accelerators, counting
from config.runs.circuit import client as redis_client
from support.metrics import collector, money
from support.metrics.models import Check

pytestmark = pytest.mark.django_db
MIDDLEWARE = [f"support.metrics.middleware.{name}Middleware" for name in ("Metrics", "Counting")]


@pytest.fixture(autouse=True)
def on(settings: Any) -> Iterator[None]:
    settings.MIDDLEWARE = [*MIDDLEWARE, *settings.MIDDLEWARE]
    settings.METRICS_FROM, settings.METRICS_TOKEN = [ip_network("127.0.0.0/8")], "a long token"
    collector.product.forget()
    redis_client().flushdb()
    yield
    collector.product.forget()


def scraped(client: Client) -> dict[str, float]:
    """Name with labels -> value."""
    collector.product.forget()
    page = client.get("/metrics")
    assert page.status_code == 200
    assert page["Content-Type"].startswith("text/plain; version=0.0.4")
    found = [s for family in text_string_to_metric_families(page.text) for s in family.samples]
    return {s.name + "".join(f" {k}={v}" for k, v in sorted(s.labels.items())): s.value for s in found}


# ---------------------------------------------------------------- who may read it


@pytest.mark.parametrize(
    "address, headers, status",
    [
        ("127.0.0.1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("203.0.113.7", {}, 404),
        ("10.0.0.7", {}, 404),  # private, and not listed
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, 404),  # through a proxy
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
        ("203.0.113.7", {"Authorization": "Bearer a long token"}, 200),
        ("203.0.113.7", {"Authorization": "Bearer wrong"}, 404),
        ("203.0.113.7", {"Authorization": "Bearer é"}, 404),
        ("", {}, 404),
    ],
)
def test_it_is_not_public(client: Client, address: str, headers: dict[str, str], status: int) -> None:
    page = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert page.status_code == status
    assert ("photoflux_runs_open" in page.text) is (status == 200)


def test_without_a_token_an_empty_one_opens_nothing(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN, settings.METRICS_FROM = "", []
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    assert client.get("/metrics").status_code == 404


def test_it_is_read_and_not_written(client: Client) -> None:
    assert client.post("/metrics").status_code == 404


def test_prometheus_asks_by_the_address_of_a_process(client: Client) -> None:
    assert client.get("/metrics", headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.1.2.3:8000"}).status_code == 400


# ---------------------------------------------------------------- what it tells


def test_requests_are_counted_by_route_and_status(client: Client) -> None:
    name = "django_http_responses_total_by_status_view_method_total method={} status=200 view=landing"
    before = scraped(client)
    client.get("/")
    client.generic("BREW" * 9, "/")
    after = scraped(client)
    assert after[name.format("GET")] - before.get(name.format("GET"), 0) == 1
    assert not any("BREW" in each for each in after)


def test_runs_wait_work_and_end(client: Client, alice: Any, wake_ups: list[Any]) -> None:
    from accounts.models import Export

    now = timezone.now()
    ended = {"started_at": now - timedelta(minutes=8), "finished_at": now - timedelta(minutes=7)}
    Export.objects.create(user=alice, status="succeeded", created_at=now - timedelta(minutes=9), **ended)
    Export.objects.create(user=alice, created_at=now - timedelta(minutes=5))
    found = scraped(client)
    assert found["photoflux_runs_open kind=export status=queued"] == 1
    assert found["photoflux_runs_open kind=image status=queued"] == 0
    assert found["photoflux_runs_ended kind=export status=succeeded"] == 1
    waits = {
        le: found[f"photoflux_run_wait_seconds_bucket kind=export le={le}"] for le in ("30.0", "60.0", "+Inf")
    }
    assert waits == {"30.0": 0, "60.0": 1, "+Inf": 1}
    assert found["photoflux_run_work_seconds_bucket kind=export le=60.0"] == 1
    assert 299 < found[f"photoflux_queue_oldest_seconds queue={Export.queue}"] < 330


def test_failed_trainings_have_a_share(client: Client, twin: Any) -> None:
    from twins.models import Training

    for number, status in enumerate(("failed", "succeeded", "succeeded", "succeeded"), start=1):
        facts = {"number": number, "status": status, "finished_at": timezone.now()}
        Training.objects.create(user=twin.user, twin=twin, **facts)
    found = scraped(client)
    assert found["photoflux_trainings_failed"] == 1
    assert found["photoflux_trainings_failed_share"] == 0.25


def test_credits_that_are_held_are_told(client: Client, alice: Any) -> None:
    from billing import ledger

    wallet = ledger.wallet_of(alice)
    ledger.hold(wallet, 3, cause="image:1")
    assert scraped(client)["photoflux_credits_held"] == 3
    ledger.settle("image:1", captured=2)
    found = scraped(client)
    assert (found["photoflux_credits_held"], found["photoflux_credits_captured_total"]) == (0, 2)


def test_the_proof_of_the_ledger_has_a_result_and_an_age(client: Client, alice: Any) -> None:
    assert scraped(client)["photoflux_check_timestamp_seconds check=ledger"] == 0
    call_command("ledger_check")
    found = scraped(client)
    assert found["photoflux_check_problems check=ledger"] == 0
    assert time.time() - found["photoflux_check_timestamp_seconds check=ledger"] < 60
    Check.objects.update(problems=4)
    assert scraped(client)["photoflux_check_problems check=ledger"] == 4


def test_the_checks_run_by_the_clock(all_tasks: Any) -> None:
    assert all_tasks["support.check"]() == 0
    assert set(Check.objects.values_list("name", flat=True)) == {"ledger", "audit"}


def test_takedowns_have_ages(client: Client) -> None:
    from moderation.cases.models import Case

    for number, hours in enumerate((1, 30, 41, 47)):
        at = timezone.now() - timedelta(hours=hours)
        Case.objects.create(number=f"PF-{number}", kind="takedown", reason="intimate", created_at=at)
    found = scraped(client)
    ages = [found[f"photoflux_takedowns_open age={age}"] for age in ("under 24 h", "24 to 40 h", "over 40 h")]
    assert ages == [1, 1, 2]
    assert found["photoflux_takedown_oldest_seconds"] > 46 * 3600


def test_errors_of_the_vault_are_counted_wherever_they_happen(client: Client, alice: Any) -> None:
    from accounts.vault import sealing

    with pytest.raises(sealing.Tampered):
        sealing.open_whole(b"k" * 32, b"context", b"no sealed file")
    assert scraped(client)["photoflux_vault_errors_total error=damaged"] == 1


def test_the_last_base_backup_has_an_age_where_backups_are_ours(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    name = "photoflux_backup_base_timestamp_seconds"
    assert name not in scraped(client)
    settings.BACKUPS = str(tmp_path)
    assert scraped(client)[name] == 0
    (tmp_path / "base" / "20261130T000000.000000Z").mkdir(parents=True)
    (tmp_path / "base" / ".new").mkdir()  # not finished
    assert scraped(client)[name] == datetime(2026, 11, 30, tzinfo=UTC).timestamp()


def test_workers_tell_the_memory_of_accelerators(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, 1024, 4096'\necho '1, 0, 4096'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    accelerators.tell()
    found = scraped(client)
    used = [v for name, v in found.items() if name.startswith("photoflux_accelerator_memory_used_bytes")]
    assert used == [1024 * 2**20, 0]
    program.write_text("#!/bin/sh\necho 'no devices were found'\n")
    accelerators.tell()  # is logged


# ---------------------------------------------------------------- what is broken


def test_a_part_that_fails_is_left_out_and_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        yield

    monkeypatch.setattr(collector, "SECONDS", 0.5)
    monkeypatch.setattr(collector, "PARTS", (broken, money.credits))
    found = scraped(client)
    assert (found["photoflux_scrape_failures"], found["photoflux_database_up"]) == (1, 1)
    assert "photoflux_credits_held" in found


def test_without_the_database_or_redis_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_answers", lambda: False)
    monkeypatch.setattr(counting, "client", lambda: redis_client().__class__(port=1))
    found = {family.name: family.samples[0].value for family in collector._collected() if family.samples}
    assert found["photoflux_database_up"] == 0
    assert found["photoflux_scrape_failures"] == 1
    assert found["photoflux_disk_free_bytes"] > 0
    assert "photoflux_credits_held" not in found


def test_a_folder_that_is_not_there_costs_its_part_alone(client: Client, settings: Any) -> None:
    settings.VAR = "/nowhere"
    found = scraped(client)
    assert found["photoflux_scrape_failures"] == 1
    assert "photoflux_disk_bytes" not in found


def test_scrapes_at_once_ask_once(django_assert_num_queries: Any) -> None:
    assert list(collector.registry.collect())
    with django_assert_num_queries(0):
        assert list(collector.registry.collect())


def test_a_scrape_costs_a_bounded_number_of_queries(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(110):
        list(collector.registry.collect())
