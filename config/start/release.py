"""A release without a gap on one machine: the new version starts as the other colour behind HAProxy, gets
the requests once it is ready, and then the old one is stopped. `manage.py release` is its command line.

A folder holds a link for each colour, `blue` and `green`, to the tree of its version. Until the switch
nothing that serves is touched, so whatever fails before leaves the old colour serving.
"""

from __future__ import annotations

import fcntl
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from config.start.colours import COLOURS, PARTS, other, ports
from config.start.haproxy import Away, Runtime
from config.start.logs import path as log_of

PAUSE = 0.1  # seconds between two looks
START = "systemctl enable --now photoflux-{part}@{colour}"
STOP = "systemctl disable --now photoflux-{part}@{colour}"


class ReleaseError(Exception):
    """The release does not happen, or ends early; the sentence says what serves now and what to do."""


@dataclass(frozen=True)
class Site:
    """`start` and `stop` are commands for a part of a colour: {colour}, {part} and {folder} are filled in."""

    folder: Path
    runtime: Runtime
    var: Path
    port: int = 8000  # of HAProxy; the colours' ports come after it
    start: str = START
    stop: str = STOP
    patience: float = 120.0  # seconds for the new web processes to become ready
    drain: float = 60.0  # seconds for the old ones to answer what they have

    def command(self, template: str, colour: str, part: str) -> list[str]:
        return shlex.split(template.format(colour=colour, part=part, folder=self.folder))


@dataclass(frozen=True)
class Step:
    sentence: str
    work: Callable[[], object]


def release(site: Site, tree: Path | None, say: Callable[[str], object], *, dry: bool = False) -> None:
    """Releases the version in `tree`; without one, goes back to the one before. With `dry` it only tells the
    steps. Raises ReleaseError."""
    with _alone(site.folder):
        old = _serving(site.runtime)
        new = other(old) if old else COLOURS[0]
        steps = [*(_prepared(site, tree, new) if tree else _kept(site, new)), *_switched(site, old, new)]
        for number, step in enumerate(steps, 1):
            say(f"{number}. {step.sentence}")
            if not dry:
                _do(step, site.runtime)
        say("Nothing was done." if dry else f"Released: {new} serves {(site.folder / new).resolve()}.")


def _do(step: Step, runtime: Runtime) -> None:
    try:
        step.work()
    except (Away, ReleaseError) as error:
        with suppress(Away):
            now = " and ".join(runtime.serving()) or "Neither colour"
            raise ReleaseError(f"{str(error).rstrip('.')}. The release ends here. {now} serves.") from error
        raise ReleaseError(str(error)) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".release.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError("Another release is under way: wait for its end.") from None
        yield


def _serving(runtime: Runtime) -> str | None:
    try:
        found = runtime.serving()
    except Away as error:
        raise ReleaseError(str(error)) from error
    if len(found) > 1:
        raise ReleaseError(
            "Both colours get requests. Has HAProxy just started? Then wait three seconds."
            " Was a release cut off? Then stop the colour that should not serve."
        )
    return found[0] if found else None


# ---------------------------------------------------------------- before the switch


def _prepared(site: Site, tree: Path, new: str) -> list[Step]:
    tree = tree.resolve()
    python, manage = tree / ".venv" / "bin" / "python", tree / "manage.py"
    if not (python.exists() and manage.exists()):
        raise ReleaseError(f"{tree} holds no version: manage.py and .venv are needed (make setup).")
    check = [str(python), str(manage), "check", "--deploy"]
    migrate = [str(python), str(manage), "migrate", "--noinput"]
    return [
        Step(f"Check the settings with {tree}", lambda: _run(check, tree)),
        Step("Migrate the database; the running version can live with it", lambda: _run(migrate, tree)),
        Step(f"Make {tree} the tree of {new}", lambda: _link(site.folder / new, tree)),
    ]


def _kept(site: Site, new: str) -> list[Step]:
    if not (site.folder / new).exists():
        raise ReleaseError(f"There is no version to go back to: {site.folder / new} is missing.")
    return []


def _link(link: Path, tree: Path) -> None:
    aside = link.with_name(f".{link.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(tree)
    aside.replace(link)


def _run(command: list[str], folder: Path | None = None) -> None:
    """Raises ReleaseError with the last line that the command wrote."""
    out, none = subprocess.PIPE, subprocess.DEVNULL
    done = subprocess.run(command, cwd=folder, stdin=none, stdout=out, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise ReleaseError(f"`{shlex.join(command)}` failed: {last}")


# ---------------------------------------------------------------- the switch


def _switched(site: Site, old: str | None, new: str) -> list[Step]:
    def call(template: str, colour: str, part: str) -> Callable[[], None]:
        return lambda: _part(site, template, colour, part)

    begin = Step(f"Start the workers of {new}", call(site.start, new, "work"))
    ready = Step(f"Start {new}, and wait until its web processes are ready", lambda: _start_web(site, new))
    switch = f"Send requests to {new}" + (f", and no longer to {old}" if old else "")
    before = [ready, Step(switch, lambda: site.runtime.switch(new, old))]
    if old is None:
        return [*before, begin]
    return [
        *before,
        Step(f"Wait until {old} has answered what it has", lambda: _drain(site, old)),
        Step(f"Stop the workers of {old}; they hand their runs back", call(site.stop, old, "work")),
        begin,
        Step(f"End the event streams of {old}; they open anew", lambda: site.runtime.end_streams(old)),
        Step(f"Stop the web processes of {old}", call(site.stop, old, "web")),
    ]


def _part(site: Site, template: str, colour: str, part: str) -> None:
    _run(site.command(template, colour, part))


def _start_web(site: Site, new: str) -> None:
    """A colour that is not ready in time is stopped again."""
    site.runtime.hold(new)
    for part in PARTS:  # what a release that was cut off has left
        _part(site, site.stop, new, part)
    try:
        _part(site, site.start, new, "web")
        _wait(site, new)
    except ReleaseError:
        _part(site, site.stop, new, "web")
        raise


def _wait(site: Site, new: str) -> None:
    end = time.monotonic() + site.patience
    for port in ports(new, site.port):
        while not _ready(port):
            if time.monotonic() > end:
                log = log_of(site.var, f"web-{port}")
                raise ReleaseError(f"{new} was not ready after {site.patience:.0f} seconds: see {log}.")
            time.sleep(PAUSE)


def _ready(port: int) -> bool:
    line = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("GET", "/readyz", headers={"Host": "localhost"})
        return line.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        line.close()


def _drain(site: Site, old: str) -> None:
    """What is not answered in time ends with its process."""
    end = time.monotonic() + site.drain
    while site.runtime.busy(old) and time.monotonic() < end:
        time.sleep(PAUSE)
