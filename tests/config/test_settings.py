"""Importing the settings starts no server, makes no key, and names what is missing or malformed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.start import env, keys

ROOT = Path(__file__).resolve().parents[2]
IMPORT = ("-c", "import config.settings")
PROGRAMS = {
    "import": IMPORT,
    "manage.py": ("manage.py", "check"),
    "celery": ("-m", "celery", "-A", "config", "worker"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "0", "config.asgi:application"),
    "a row of the table": ("-m", "config.start.processes", "io"),
}


def start(var: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these environment variables only."""
    given = {"PATH": os.environ["PATH"], "VAR": str(var), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=given, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, str]:
    """All required settings. No server answers at these addresses."""
    files = {f"{name}_FILE": str(keys.make(name, tmp_path / "keys")) for name in keys.KEYS}
    return {"DATABASE_URL": "postgresql://nowhere/x", "REDIS_URL": "redis://127.0.0.1:1/0"} | files


def test_importing_complete_settings_starts_no_server_and_makes_no_file(tmp_path, whole):
    before = sorted(tmp_path.rglob("*"))
    program = "import os, config.settings; print(open(f'/proc/self/task/{os.getpid()}/children').read())"
    done = start(tmp_path, "-c", program, **whole)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_an_installation_with_https_passes_djangos_deployment_check(tmp_path, whole):
    operator = {f"OPERATOR_{name}": "x" for name in ("NAME", "ADDRESS", "EMAIL")}
    public = whole | operator | {"ORIGIN": "https://photos.example.org"}
    done = start(tmp_path, "manage.py", "check", "--deploy", **public | {"SECRET_KEY_FALLBACKS": "short"})
    assert "identified 1 issue " in done.stderr  # an earlier secret key that is too short
    assert "SECRET_KEY_FALLBACKS[0]" in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_settings_every_program_stops_with_one_sentence_that_names_them(tmp_path, program):
    done = start(tmp_path / "var", *PROGRAMS[program])
    said = [line for line in done.stderr.splitlines() if not line.startswith("[")]  # granian's own lines
    assert done.returncode == 1
    assert len(said) == 1
    assert all(name in said[0] for name in env.REQUIRED)
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("name", env.REQUIRED)
def test_each_missing_setting_is_named(tmp_path, whole, name):
    lacking = {key: value for key, value in whole.items() if key not in (name, f"{name}_FILE")}
    done = start(tmp_path, *IMPORT, **lacking)
    assert done.returncode == 1
    assert done.stderr.startswith(f"PhotoFlux cannot start: the environment lacks {name} (")
    assert not any(other in done.stderr for other in env.REQUIRED if other != name)


@pytest.mark.parametrize(
    "name",
    ["SECRET_KEY", *(pytest.param(n, marks=pytest.mark.thorough) for n in env.REQUIRED if n != "SECRET_KEY")],
)
def test_spaces_are_no_value_of_what_is_required(tmp_path, whole, name):
    whole.pop(f"{name}_FILE", None)
    done = start(tmp_path, *IMPORT, **whole | {name: " \t\n"})
    assert done.returncode == 1
    assert done.stderr.startswith(f"PhotoFlux cannot start: the environment lacks {name} (")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root@host/x"),
        pytest.param("DATABASE_URL", "postgresql://host:port/x", marks=pytest.mark.thorough),
        ("REDIS_URL", "localhost:6379"),
        pytest.param("REDIS_URL", "redis://[::1/0", marks=pytest.mark.thorough),
        ("VAULT_MASTER_KEYS", "2026:c2hvcnQ="),
        pytest.param("VAULT_MASTER_KEYS", "c2hvcnQ=", marks=pytest.mark.thorough),
        pytest.param("VAULT_MASTER_KEYS", ",", marks=pytest.mark.thorough),
        ("JWT_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
        pytest.param("SECRET_KEY_FILE", "/dev/null", marks=pytest.mark.thorough),
        ("STUDIO_SOURCES", "flux-schnell"),
        ("BEHIND_PROXY", "perhaps"),
        ("PROXIES", "two"),
    ],
)
def test_a_malformed_or_unreadable_setting_is_named(tmp_path, whole, name, value):
    whole.pop(f"{name}_FILE", None)
    done = start(tmp_path, *IMPORT, **whole | {name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(name)
    assert done.stderr.count("\n") == 1


def test_keys_are_made_once_and_only_their_owner_can_read_them(tmp_path):
    files = [keys.make(name, tmp_path / "keys") for name in keys.KEYS]
    texts = [file.read_text() for file in files]
    assert [keys.make(name, tmp_path / "keys").read_text() for name in keys.KEYS] == texts
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_processes_that_start_at_once_get_one_key(tmp_path):
    program = (
        "import sys; from config.start import keys; keys.main(sys.argv[1:2]); print(open(sys.argv[2]).read())"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(tmp_path / "vault_master_keys")]
    made = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({child.communicate()[0] for child in made}) == 1
    assert len(list(tmp_path.iterdir())) == len(keys.KEYS | keys.PASSWORDS)


def test_the_keys_of_an_earlier_checkout_stay_in_use(tmp_path):
    (tmp_path / "master").write_text("b2xk")
    (tmp_path / "jwt_private_key.pem").write_text("pem")
    assert keys.make("VAULT_MASTER_KEYS", tmp_path).read_text() == "local:b2xk"
    assert keys.make("JWT_PRIVATE_KEY", tmp_path).read_text() == "pem"


@pytest.mark.parametrize(
    ("said", "told"),
    [("0", "at least 1, not 0"), ("-4", "at least 1, not -4"), ("4.5", "a whole number, not “4.5”")],
)
def test_a_number_has_its_least(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_THREADS", said)
    with pytest.raises(env.Misconfigured, match=f"WEB_THREADS is {told}"):
        env.number("WEB_THREADS", 4, least=1)
