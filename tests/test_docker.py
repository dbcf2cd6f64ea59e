"""Docker files name existing files and commands, and the web process starts with its requirements alone."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.start import env, keys, processes
from tests.plugin import Share
from tests.test_web import Web

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements-web.txt"
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())


def copied(file: Path) -> list[str]:
    found = [line.split()[1:-1] for line in file.read_text().splitlines() if line.startswith("COPY")]
    return [name for names in found for name in names if not name.startswith("--")]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_what_an_image_copies_and_runs_is_there(file: Path) -> None:
    text = file.read_text()
    assert all((ROOT / name).exists() for name in copied(file))
    command = re.search(r'^CMD \["python", "-m", "config.start.processes", "([^"]+)"\]', text, re.M)
    assert command
    assert command[1] in processes.here()
    assert re.search(r"^USER (?!root)", text, re.M)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_the_process_of_an_image_cannot_change_its_code(file: Path) -> None:
    text = file.read_text()
    assert "--chown" not in text
    assert re.findall(r"chown (\S+) (\S+)", text) == [("photoflux", "/var/photoflux")]
    assert text.index("COPY . .") < text.index("USER photoflux")


def test_compose_names_no_setting_twice() -> None:
    """Compose refuses such a file."""
    lines = (ROOT / "docker" / "compose.yaml").read_text().split("x-worker:")[0].splitlines()
    names = [line.split(":")[0] for line in lines if re.match(r" {4}[A-Z]", line)]
    assert len(names) == len(set(names))


def test_compose_opens_one_port_to_this_machine_alone() -> None:
    always = {name: s for name, s in COMPOSE["services"].items() if "profiles" not in s}
    opened = {name: s["ports"] for name, s in always.items() if "ports" in s}
    assert opened == {"web": ["${BIND:-127.0.0.1}:8000:8000"]}


def test_only_the_profile_tls_opens_the_ports_of_the_web() -> None:
    caddy = COMPOSE["services"]["caddy"]
    assert caddy["profiles"] == ["tls"]
    assert caddy["ports"] == ["80:80", "443:443"]
    assert caddy["volumes"][0].split(":")[0] == "./Caddyfile"
    text = (ROOT / "docker" / "Caddyfile").read_text()
    assert "reverse_proxy web:8000" in text
    assert set(re.findall(r"\{\$(\w+)\}", text)) == set(caddy["environment"])


def test_the_servers_of_compose_ask_for_a_password_and_see_no_other_network() -> None:
    postgres, redis = (COMPOSE["services"][name] for name in ("postgres", "redis"))
    assert "POSTGRES_PASSWORD" not in postgres["environment"]
    assert postgres["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert '--requirepass "$$(cat /run/secrets/redis_password)"' in redis["command"][-1]
    assert (postgres["networks"], redis["networks"]) == (["servers"], ["servers"])
    assert COMPOSE["networks"]["servers"] == {"internal": True}


def test_compose_archives_its_database_and_takes_base_backups() -> None:
    services, given = COMPOSE["services"], COMPOSE["services"]["io"]["environment"]
    told = dict(word.removeprefix("--").split("=", 1) for word in services["postgres"]["command"][1:])
    mounted = {to: at for at, to in (v.split(":")[:2] for v in services["postgres"]["volumes"][2:])}
    assert (told["archive_mode"], told["archive_timeout"]) == ("on", "45")
    script, verb, folder = told["archive_command"].split()[1:4]
    assert (verb, folder) == ("put", f"{given['BACKUPS']}/wal")
    assert all((ROOT / "docker" / at).exists() for at in mounted.values())
    assert mounted.keys() == {script, told["hba_file"]}
    lines = (ROOT / "docker" / "pg_hba.conf").read_text().splitlines()
    assert "host replication photoflux all scram-sha-256" in lines  # `all` is not one for base backups
    places = {name: s["volumes"][-1] for name, s in services.items() if "backups" in str(s.get("volumes"))}
    del places["postgres"]
    backups = "${BACKUPS:-backups}:/backups"
    assert places == {"web": f"{backups}:ro", "io": backups}
    version = services["postgres"]["image"].partition(":pg")[2]
    assert f"postgresql-client-{version}" in (ROOT / "docker" / "worker.Dockerfile").read_text()
    assert given["POSTGRES_PROGRAMS"] == f"/usr/lib/postgresql/{version}/bin"


def test_no_secret_stands_in_compose_itself() -> None:
    for name, service in COMPOSE["services"].items():
        for key, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|KEY", key) and not key.endswith("_FILE")
            assert not secret or re.fullmatch(r"\$\{\w+:-\}", value), (name, key)
            assert not re.search(r"://[^/@]*:[^/@]+@", value), (name, key)


def test_no_process_of_ours_gains_rights() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "postgres":  # its entry point begins as root and becomes another user
            assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), (
                name
            )
            assert not service.get("privileged")
            assert str(service.get("user", "10001")) not in ("0", "root"), name


def test_compose_runs_each_row_of_the_table_by_its_name(tmp_path: Path) -> None:
    built = {name: s for name, s in COMPOSE["services"].items() if "build" in s}
    rows = {row.name for row in processes.table(host="0.0.0.0", port=8000, var=tmp_path)}
    assert built.keys() == rows
    for name, service in built.items():
        assert (ROOT / service["build"]["dockerfile"]).exists(), name
        assert service["command"] == ["python", "-m", "config.start.processes", name]


def test_compose_gives_every_process_what_the_settings_require() -> None:
    for name, service in COMPOSE["services"].items():
        if "build" in service:
            given = service["environment"]
            assert all(n in given or f"{n}_FILE" in given for n in env.REQUIRED), name
            files = {Path(v).name for n, v in given.items() if n.endswith("_FILE")}
            assert files <= set(service["secrets"]) <= COMPOSE["secrets"].keys(), name


def test_the_secrets_of_compose_are_those_that_keys_makes(tmp_path: Path) -> None:
    assert keys.main([str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == COMPOSE["secrets"].keys()


def test_the_passwords_of_compose_reach_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = COMPOSE["services"]["web"]["environment"]
    for name in ("DATABASE_PASSWORD", "REDIS_PASSWORD"):
        monkeypatch.setenv(f"{name}_FILE", str(keys.make(name, tmp_path)))
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.setenv(name, given[name])
    password = (tmp_path / "redis_password").read_text()
    assert env.redis("REDIS_URL") == f"redis://:{password}@redis:6379/0"
    assert env.database("DATABASE_URL")["PASSWORD"] == (tmp_path / "database_password").read_text()


@pytest.mark.workers
@pytest.mark.django_db(transaction=True)
def test_the_web_process_starts_with_its_own_requirements_alone(tmp_path: Path, share: Share) -> None:
    """With --thorough, packages come from the index; otherwise from links to the installed ones."""
    python = installed(tmp_path) if share.thorough else linked(tmp_path)
    program = "import importlib.util as u; assert not u.find_spec('torch')"
    subprocess.run([python, "-c", program], check=True)
    web = Web(tmp_path, python)
    try:
        assert web.wait().ask("GET", "/readyz")[0] == 200
        assert web.ask("GET", "/api/v1/openapi.json")[0] == 200
        assert web.ask("GET", "/")[0] == 200
    finally:
        web.stop()


def installed(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
    subprocess.run(pip, check=True)
    return python


def linked(folder: Path) -> str:
    """An environment with links to the top-level files and packages that REQUIREMENTS need."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("*/site-packages")
    for package in needed(REQUIREMENTS):
        for file in package.files or ():
            link = packages / file.parts[0]
            if ".." not in file.parts and not link.is_symlink():
                link.symlink_to(Path(str(package.locate_file(file.parts[0]))))
    return str(folder / "venv" / "bin" / "python")


def needed(requirements: Path) -> list[Distribution]:
    """The installed distributions of these requirements, with their dependencies."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text().splitlines())
    waiting = [Requirement(line) for line in lines if line]
    found: dict[tuple[str, str], Distribution] = {}
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = canonicalize_name(wanted.name), extra
            if key not in found:
                found[key] = distribution(wanted.name)
                waiting += [r for r in map(Requirement, found[key].requires or ()) if applies(r, extra)]
    return list(found.values())


def applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
