"""The desk's child process: it starts late, is replaced when it dies, and ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml.errors import MLError
from ml.remote.desk import InChild

SMALL = "tests.ml.small_child"


@pytest.fixture
def child(tmp_path: Path) -> Iterator[InChild]:
    made = InChild(tmp_path, program=SMALL)
    yield made
    made.close()


def pid_of(child: InChild) -> int:
    found = child.describe(b"photo", "test")
    assert found is not None
    return int(found.values[0])


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_child_starts_with_the_first_call_and_stays(child: InChild) -> None:
    assert child.pid is None
    assert pid_of(child) == pid_of(child) == child.pid
    assert child.describe(b"") is None


def test_errors_keep_their_code_and_the_child_lives_on(child: InChild) -> None:
    first = pid_of(child)
    for photo, code in ((b"refuse", "result_refused"), (b"bug", "engine_failed")):
        with pytest.raises(MLError) as e:
            child.describe(photo)
        assert e.value.code == code
    assert pid_of(child) == first


def test_a_child_that_was_killed_is_replaced_unseen(child: InChild) -> None:
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    assert pid_of(child) != first


def test_work_that_kills_each_child_fails_with_a_sentence(child: InChild) -> None:
    with pytest.raises(MLError) as e:
        child.describe(b"die")
    assert e.value.code == "engine_failed"
    assert pid_of(child)


def test_many_threads_share_one_child(child: InChild) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert len({*threads.map(lambda _: pid_of(child), range(64))}) == 1


def test_an_idle_child_ends_and_the_next_call_starts_another(tmp_path: Path) -> None:
    child = InChild(tmp_path, program=SMALL, idle=0.05)
    first = pid_of(child)
    wait_until(lambda: child.pid is None)
    assert pid_of(child) != first
    child.close()


def test_a_child_that_hangs_is_replaced(tmp_path: Path) -> None:
    child = InChild(tmp_path, program=SMALL, seconds=2)
    first = pid_of(child)
    os.kill(first, signal.SIGSTOP)
    assert pid_of(child) != first
    child.close()


def test_the_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from ml.remote.desk import InChild;"
        f"child = InChild(Path(sys.argv[1]), program={SMALL!r}); child.describe(b'photo');"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    wait_until(lambda: not alive(int(done.stdout)))


def test_the_waiting_process_loads_no_torch() -> None:
    program = (
        "import sys, ml.remote.engine; sys.exit(str({'torch', 'diffusers'} & {*sys.modules} or 0) != '0')"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.thorough
def test_the_real_child_finds_faces(tmp_path: Path, few: list[bytes]) -> None:
    child = InChild(tmp_path, threads=1)
    found = child.describe(few[0])
    assert found is not None
    assert (found.embedder, len(found.values)) == ("drawn-contrast-1", 128)
    assert child.describe(few[1], "dlib-resnet-2") is not None
    child.close()
