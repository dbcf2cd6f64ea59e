"""Screens pictures: `screen_picture`. A separate long-running process, `ml.nudity`, judges them.

ml/words screens prompts.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np

PICTURE_SECONDS = 20.0  # for one picture, including the program's start
HEADER = struct.Struct(">II")  # height, width; then H*W*3 bytes of RGB
LENGTH = struct.Struct(">I")  # of the answer, JSON: engine, label, score, unsafe
MAX_ANSWER = 10_000


@dataclass(frozen=True)
class PictureVerdict:
    """`label` is the worst content found ("" for none), `score` the engine's confidence in it, 0..1."""

    safe: bool
    score: float
    label: str
    engine: str


def detector_command(classifier: str | None = None) -> list[str]:
    """The command for nudenet's detector, or for the transformers classifier in a directory."""
    command = [sys.executable, "-m", "ml.nudity"]
    return [*command, "--classifier", classifier] if classifier else command


class Detector:
    """The detector process. The first picture starts it; it keeps running and is restarted if it died."""

    def __init__(self, command: list[str], *, seconds: float = PICTURE_SECONDS):
        self.command = command
        self.seconds = seconds
        self.lock = threading.Lock()
        self.program: subprocess.Popen[bytes] | None = None

    def judge(self, picture: np.ndarray) -> PictureVerdict:
        """The program's verdict on (H, W, 3) uint8 RGB. Raises OSError or ValueError on any failure."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError("a picture is (H, W, 3) uint8 RGB")
        message = HEADER.pack(*picture.shape[:2]) + picture.tobytes()
        end = time.monotonic() + self.seconds
        with self.lock:
            try:
                return self._ask(message, end)
            except (OSError, ValueError):  # the program died: restart it and retry in the remaining time
                self._stop()
            try:
                return self._ask(message, end)
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        with self.lock:
            self._stop()

    def _ask(self, message: bytes, end: float) -> PictureVerdict:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the program took too long")
        program = self.program = self.program or self._start()
        assert program.stdin
        assert program.stdout
        clock = threading.Timer(left, program.kill)  # ends a read or write that hangs
        clock.start()
        try:
            program.stdin.write(message)
            program.stdin.flush()
            (length,) = LENGTH.unpack(_read(program.stdout, LENGTH.size))
            said = json.loads(_read(program.stdout, min(length, MAX_ANSWER)))
            return PictureVerdict(not said["unsafe"], float(said["score"]), said["label"], said["engine"])
        except (KeyError, TypeError) as error:
            raise ValueError("the program answered something else") from error
        finally:
            clock.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).parent.parent  # where `-m ml.nudity` is found
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        # Its own session: Ctrl-C must reach only the parent, which then stops the program.
        return subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, cwd=root, env=environment, start_new_session=True
        )

    def _stop(self) -> None:
        program, self.program = self.program, None
        if not program:
            return
        program.kill()
        with contextlib.suppress(OSError):  # communicate() flushes input that a dead program cannot read
            program.communicate()


def _read(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise OSError("the program ended")
    return data


# The environment, as programs that start others hand it on to them.
_detector = Detector(detector_command(os.environ.get("NUDITY_CLASSIFIER")))


def use_detector(detector: Detector) -> None:
    """Replaces the detector: `use_detector(Detector(detector_command("/models/nsfw")))`."""
    global _detector
    _detector, old = detector, _detector
    old.close()


def screen_picture(picture: np.ndarray, *, allow_nudity: bool = False) -> PictureVerdict:
    """Whether (H, W, 3) uint8 RGB may be shown. Fails closed: on errors, unsafe with "unavailable"."""
    try:
        verdict = _detector.judge(picture)
    except Exception:
        return PictureVerdict(False, 1.0, "unavailable", "none")
    return replace(verdict, safe=verdict.safe or allow_nudity)


def _after_fork() -> None:
    """Gives a forked worker (Celery) its own detector: two processes on one pipe would mix up pictures."""
    global _detector
    _detector = Detector(_detector.command, seconds=_detector.seconds)


atexit.register(lambda: _detector.close())
os.register_at_fork(after_in_child=_after_fork)
