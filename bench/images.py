"""Builds the images of docker/ without a registry, and runs what was built: `python -m bench.images`.

Needs root on Debian, with its packages buildah and debootstrap, some gigabytes of disk, and what apt and pip
of this machine get. What the Dockerfiles begin from is made here, unless an image of that name is there: the
Debian that its tag names, with this program's own Python.

Then each image runs as its own user, with the environment of docker/compose.yaml and a PostgreSQL and a Redis
of this machine: the migrations, the web process (/healthz, /readyz, the landing page in two languages), each
worker until its heartbeat, and a picture by the built-in engine. A chroot isolates them: they share the
network of the machine, and their root can be written. So what they wrote outside of /var/photoflux and /tmp
is looked for: on a read-only root it would fail. Prints sizes and seconds; exits 1 when something failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import yaml

from bench.house import ROOT
from bench.load import free_port
from bench.machine import machine
from config.start import checkout, keys
from config.start.embedded import PostgresService
from config.start.processes import table

IMAGES = ("web", "worker")
UID = 10001  # of docker/*.Dockerfile
PATIENCE = 180.0  # seconds for a process to answer
# What the official images of Python have beside Debian's smallest system, and what Python's own modules load.
DEBIAN = (
    "ca-certificates,netbase,tzdata,libssl3t64,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8t64,"
    "libncursesw6,libuuid1,zlib1g,libexpat1"
)
NOT_COPIED = shutil.ignore_patterns("test", "idlelib", "site-packages", "__pycache__", "*.a", "config-3*")
# What buildah writes itself, and mounts.
NOT_THEIRS = ("dev", "proc", "run", "sys", "tmp", "var/photoflux", "etc/hosts", "etc/resolv.conf")


def call(*words: str | Path) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-30:]
        raise SystemExit("\n".join([f"{' '.join(map(str, words[:3]))} failed:", *lines]))
    return done.stdout.strip()


# ---------------------------------------------------------------- building


def begins_from(file: Path) -> str:
    found = re.search(r"^FROM (\S+)$", file.read_text(), re.M)
    assert found, file
    return f"localhost/{found[1]}"


def there(image: str) -> bool:
    return not subprocess.run(
        ["buildah", "inspect", "--type", "image", image], capture_output=True
    ).returncode


def make_base(image: str) -> None:
    """Debian and this program's Python, under the name of an official image of Python."""
    found = re.search(r":(\d+\.\d+)-slim-(\w+)$", image)
    if not found or found[1] != sysconfig.get_python_version():
        raise SystemExit(f"{image} is not here, and this Python is {sysconfig.get_python_version()}.")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        call("debootstrap", "--variant=minbase", f"--include={DEBIAN}", found[2], root)
        copy_python(root / "usr" / "local", found[1])
        for name in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(root / name)
            (root / name).mkdir()
        call("chroot", root, "/sbin/ldconfig")
        call("chroot", root, "/usr/local/bin/python3", "-m", "ensurepip")
        container = call("buildah", "from", "scratch")
        call("buildah", "add", "--quiet", container, root, "/")
        call(
            "buildah",
            "config",
            "--env",
            "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
            container,
        )
        call("buildah", "commit", "--rm", "--quiet", container, image)


def copy_python(to: Path, version: str) -> None:
    at = Path(sys.base_prefix)
    if not (at / "lib" / f"python{version}" / "ensurepip" / "_bundled").is_dir():
        raise SystemExit(f"The Python of {at} cannot be copied: it has no pip in it, as Debian's has none.")
    library = Path("lib") / f"python{version}"
    shutil.copytree(at / library, to / library, ignore=NOT_COPIED, dirs_exist_ok=True)
    (to / library / "site-packages").mkdir()
    for shared in (at / "lib").glob(f"libpython{version}*.so*"):
        shutil.copy(shared, to / "lib")
    shutil.copy(at / "bin" / f"python{version}", to / "bin")
    for name in ("python3", "python"):
        (to / "bin" / name).symlink_to(f"python{version}")
    for name in ("pip", "pip3"):
        (to / "bin" / name).symlink_to(f"pip{version}")


def pip_of_here(folder: Path) -> list[str]:
    """Options that let the pip of an image ask what the pip of this machine asks."""
    told = dict(
        re.findall(
            r"^(?:global|:env:)\.([\w-]+)='(.*)'$", call(sys.executable, "-m", "pip", "config", "list"), re.M
        )
    )
    config = folder / "pip.conf"
    config.write_text("\n".join(["[global]", *(f"{name} = {value}" for name, value in told.items()), ""]))
    words = [word for value in told.values() for word in value.split()]
    # An index of files has them beside its pages.
    paths = {str(Path(w.removeprefix("file://")).parent) if w.startswith("file://") else w for w in words}
    local = sorted(path for path in paths if path.startswith("/") and Path(path).exists())
    mounted = [f"{config}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in local)]
    return [word for each in mounted for word in ("--volume", each)]


def build(image: str) -> None:
    file = ROOT / "docker" / f"{image}.Dockerfile"
    base = begins_from(file)
    if not there(base):
        begun = time.monotonic()
        make_base(base)
        print(f"{base}: made in {time.monotonic() - begun:.0f} s, {size(base)}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        how = (
            "--isolation",
            "chroot",
            "--layers",
            "--pull-never",
            "--format",
            "docker",
            *pip_of_here(Path(folder)),
        )
        call("buildah", "bud", *how, "--tag", name_of(image), "--file", file, ROOT)
    print(f"{image}: built in {time.monotonic() - begun:.0f} s, {size(name_of(image))}", flush=True)


def name_of(image: str) -> str:
    return f"localhost/photoflux-{image}"


def size(image: str) -> str:
    return call("buildah", "images", "--format", "{{.Size}}", image)


# ---------------------------------------------------------------- running


@dataclass(frozen=True)
class House:
    """The servers, the files and the keys that the containers are given."""

    folder: Path
    environment: dict[str, str]
    sockets: Path

    @property
    def var(self) -> Path:
        return self.folder / "files"

    def options(self) -> list[str]:
        volumes = {
            self.var: "/var/photoflux",
            self.folder / "secrets": "/run/secrets:ro",
            self.sockets: self.sockets,
        }
        given = [f"--volume={at}:{to}" for at, to in volumes.items()]
        return [*given, *(f"--env={name}={value}" for name, value in self.environment.items())]


@contextmanager
def house(port: int) -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="photoflux-images-"))
    services = checkout.prepare_anew(folder / "servers")
    try:
        (sockets,) = (each.sockets for each in services if isinstance(each, PostgresService))
        sockets.chmod(0o711)  # for the user of the containers
        yield House(folder, as_compose(folder, port), sockets)
    finally:
        for service in services:
            service.discard()
        shutil.rmtree(folder)


def as_compose(folder: Path, port: int) -> dict[str, str]:
    """The environment of compose.yaml with the servers of here. Makes the files' folder and the keys."""
    for name in keys.KEYS | keys.PASSWORDS:
        keys.make(name, folder / "secrets")
    redis = urlsplit(os.environ["REDIS_URL"])
    (folder / "secrets" / "redis_password").write_text(redis.password or "")
    (folder / "files").mkdir()
    folder.chmod(0o711)
    for path in (folder / "files", folder / "secrets", *(folder / "secrets").iterdir()):
        os.chown(path, UID, UID)
    given = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["x-app"]["environment"]
    told = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for name, value in given.items()}
    here = {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
        "ORIGIN": f"http://127.0.0.1:{port}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "BACKUPS": "",
    }
    return told | here


class Container:
    def __init__(self, image: str, given: House) -> None:
        self.given, self.began = given, time.time()
        self.name = call("buildah", "from", "--pull-never", name_of(image))
        self.root = Path(call("buildah", "mount", self.name))

    def command(self, *words: str) -> list[str]:
        how = ("--isolation", "chroot", "--cap-drop", "ALL", *self.given.options())
        return ["buildah", "run", *how, self.name, "--", *words]

    def run(self, *words: str) -> str:
        return call(*self.command(*words))

    def until(self, process: str, done: Callable[[], bool]) -> float:
        """Starts a process of the table, and stops it; the seconds until `done`."""
        begun, log = time.monotonic(), self.given.folder / "log"
        with log.open("w") as file:
            words = self.command("python", "-m", "config.start.processes", process)
            started = subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True)
        try:
            while not done():
                if started.poll() is not None or time.monotonic() - begun > PATIENCE:
                    raise SystemExit(f"{process} does not work:\n{log.read_text()[-3000:]}")
                time.sleep(0.1)
            return time.monotonic() - begun
        finally:
            self.stop(started)

    def stop(self, started: subprocess.Popen[bytes]) -> None:
        for kill in (signal.SIGTERM, signal.SIGKILL):
            for pid in theirs(started.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, kill)
            with suppress(subprocess.TimeoutExpired):
                started.wait(30)
                return

    def written(self) -> list[str]:
        """Files outside of the folders for them that are newer than this container."""
        left_out = [self.root / name for name in NOT_THEIRS]
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if Path(folder, name) not in left_out]
            paths = (Path(folder, name) for name in files)
            found += [p for p in paths if p not in left_out and p.lstat().st_ctime > self.began]
        return [str(path.relative_to(self.root)) for path in found]

    def remove(self) -> None:
        call("buildah", "rm", self.name)


def theirs(pid: int) -> list[int]:
    """The processes that it started, and those that they started, without buildah's."""
    try:
        children = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
        own = [] if b"buildah" in Path(f"/proc/{pid}/cmdline").read_bytes() else [pid]
    except OSError:  # it has just ended
        return []
    return own + [each for child in sum(children, []) for each in theirs(int(child))]


def answers(address: str, *wanted: str, language: str = "en") -> bool:
    try:
        with urlopen(Request(address, headers={"Accept-Language": language}), timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return False
    return all(word in text for word in wanted)


def try_web(here: Container) -> None:
    origin = here.given.environment["ORIGIN"]
    begun = time.monotonic()
    here.run("python", "-m", "config.start.processes", "migrate")
    print(f"web: migrated in {time.monotonic() - begun:.0f} s")
    took = here.until(
        "web",
        lambda: (
            answers(f"{origin}/healthz")
            and answers(f"{origin}/readyz")
            and answers(f"{origin}/", "PhotoFlux", 'lang="en"')
            and answers(f"{origin}/", "PhotoFlux", 'lang="es"', "Iniciar sesión", language="es")
            and answers(f"{origin}/static/app.css")
        ),
    )
    print(f"web: healthy, ready, and its pages are there after {took:.1f} s")


def try_worker(here: Container) -> None:
    programs = here.given.environment["POSTGRES_PROGRAMS"]
    print(here.run(f"{programs}/pg_basebackup", "--version"))
    heartbeat = here.root / "tmp" / "heartbeat"
    for row in table(host="", port=0, var=here.given.var):
        if "-Q" in row.argv:
            heartbeat.unlink(missing_ok=True)
            print(f"{row.name}: a heartbeat after {here.until(row.name, heartbeat.exists):.1f} s", flush=True)
    begun = time.monotonic()
    said = ("--prompt", "in a park, smiling", "--seed", "7", "--count", "1", "--out", "/var/photoflux/out")
    here.run("python", "-m", "ml", "render", *said)
    (picture,) = (here.given.var / "out").glob("*.png")
    print(f"worker: {picture.stat().st_size} bytes of a picture after {time.monotonic() - begun:.1f} s")


def try_out(image: str, given: House) -> list[str]:
    """What it wrote where it may not."""
    here = Container(image, given)
    try:
        print(f"{image}: {here.run('sh', '-c', 'id; python --version')}".replace("\n", "; "), flush=True)
        here.run("python", "manage.py", "check")
        {"web": try_web, "worker": try_worker}[image](here)
        return here.written()
    finally:
        here.remove()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="*", default=IMAGES, help="web or worker, both without")
    parser.add_argument("--built", action="store_true", help="run those that were built before")
    args = parser.parse_args()
    missing = [name for name in ("buildah", "debootstrap") if not shutil.which(name)]
    if missing or os.geteuid():
        raise SystemExit(f"This needs root, and of Debian {' and '.join(missing) or 'nothing more'}.")
    print(machine(), flush=True)
    for image in () if args.built else args.images:
        build(image)
    with house(free_port()) as given:
        wrong = [f"{image} wrote {path}" for image in args.images for path in try_out(image, given)]
    print("\n".join(wrong) or "everything works, and nothing was written outside of its folders")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
