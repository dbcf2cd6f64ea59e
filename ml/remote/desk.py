"""The desk where results from elsewhere are finished: faces, screening, watermark, signature.

These need torch. A process that only waits for services must stay small, so `InChild` gives the work to one
child process, which starts at the first need and ends when nothing came for some minutes. What crosses to it
is bytes, numbers and frozen dataclasses.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ml import begin_clip, clips, edit, finish_clip, media, watermark
from ml.animation import AnimateSpec, Clip, refusal
from ml.errors import MLError, PhotoRefused
from ml.finish import finish
from ml.likeness import is_recognisable
from ml.oom import memory_errors
from ml.provenance import Signer
from ml.types import Picture

if TYPE_CHECKING:  # it loads torch
    from ml.faces import Faces

MOST_PIXELS = 16_777_216  # of a picture from elsewhere
LEAST_SIDE = 2 * watermark.SMALLEST  # px: what can be marked
# A refused picture comes back black: no detail, and dark (levels of 255).
BLACK_SPREAD, BLACK_MEAN = 2.0, 16.0
IDLE_SECONDS = 180.0
CALL_SECONDS = 180.0  # for one call, with the child's start
ROOT = Path(__file__).resolve().parents[2]
CHILD = "ml.remote.child"
METHODS = ("describe", "vector", "finish", "begin_clip", "finish_clip")
OF_CLIPS = 4  # times as long as any other call takes the finishing of a clip: it has up to 120 frames
SAME_SHAPE = 0.02  # a clip whose shape differs by less from its picture's begins with the picture itself
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Vector:
    """A face's vector and the embedder that made it. `recognisable`: sharp enough to be compared."""

    embedder: str
    values: tuple[float, ...]
    recognisable: bool = True


class Desk(Protocol):
    """Implementations are thread-safe. Errors are MLError."""

    def describe(self, photo: bytes, embedder: str = "") -> Vector | None:
        """The widest face of one of our own photos, by the embedder that suits it or the one named."""
        ...

    def vector(self, picture: bytes, embedder: str) -> Vector | None:
        """The widest face of a picture from elsewhere. MLError `result_bad`, `result_refused` (black)."""
        ...

    def finish(
        self,
        picture: bytes,
        *,
        prompt: str,
        seed: int,
        twin: Mapping[str, Any],
        seconds: float,
        engine: str,
        longest: int | None = None,
    ) -> Picture | None:
        """A picture from elsewhere as it is delivered; None when it may not be shown. `twin`: the facts of
        the twin's file; `seconds`: what it took so far. See ml.finish; also `result_bad`, `result_refused`.
        """
        ...

    def begin_clip(
        self, picture: bytes, *, spec: AnimateSpec, twin: Mapping[str, Any], floor: float
    ) -> bytes:
        """The picture that a clip begins from, as it is sent: a JPEG without metadata. MLError with one of
        animation.ERRORS, `reference_not_allowed`, `screening_unavailable`."""
        ...

    def finish_clip(
        self,
        clip: bytes,
        *,
        picture: bytes,
        spec: AnimateSpec,
        twin: Mapping[str, Any],
        floor: float,
        engine: str,
        seed: int,
    ) -> Clip:
        """An MP4 from elsewhere as it is delivered, signed as made from `picture`. MLError as begin_clip's,
        `result_bad`, `result_refused`."""
        ...

    def close(self) -> None: ...


def decoded(picture: bytes) -> np.ndarray:
    """(H, W, 3) uint8 of a picture from elsewhere. MLError `result_bad`, `result_refused` for a black one."""
    try:
        pixels = media.pixels(picture, max_pixels=MOST_PIXELS, min_side=LEAST_SIDE)
    except PhotoRefused as e:
        raise MLError("result_bad", "What came back is not a picture that can be used. Try again.") from e
    if pixels.std() < BLACK_SPREAD and pixels.mean() < BLACK_MEAN:
        raise MLError("result_refused", "The service shows no such picture. Change the prompt and try again.")
    return pixels


class InProcess:
    """Does the work itself. `faces` is loaded by the caller; a test gives a small one."""

    def __init__(self, faces: Faces, signer: Signer):
        self.faces, self.signer = faces, signer

    def describe(self, photo: bytes, embedder: str = "") -> Vector | None:
        picture = media.to_array(photo)
        if embedder:
            found = self.faces.vector(picture, embedder)
            return Vector(embedder, _plain(found[1])) if found else None
        described = self.faces.describe(picture)
        return Vector(described[0].embedder, _plain(described[0].vector)) if described else None

    def vector(self, picture: bytes, embedder: str) -> Vector | None:
        pixels = decoded(picture)
        found = self.faces.vector(pixels, embedder)
        return Vector(embedder, _plain(found[1]), is_recognisable(pixels, found[0])) if found else None

    def finish(
        self,
        picture: bytes,
        *,
        prompt: str,
        seed: int,
        twin: Mapping[str, Any],
        seconds: float,
        engine: str,
        longest: int | None = None,
    ) -> Picture | None:
        start = time.monotonic() - seconds
        pixels = media.within(decoded(picture), longest)
        return finish(
            pixels,
            prompt=prompt,
            seed=seed,
            twin=twin,
            start=start,
            engine=engine,
            faces=self.faces,
            signer=self.signer,
        )

    def begin_clip(
        self, picture: bytes, *, spec: AnimateSpec, twin: Mapping[str, Any], floor: float
    ) -> bytes:
        pixels = begin_clip.sized(media.to_array(picture))
        try:
            finish_clip.screen([pixels], allow_nudity=spec.first.adult)
        except MLError as e:
            if e.code != "result_refused":
                raise
            what = "This picture cannot be used as a start. Choose another one."
            raise MLError("reference_not_allowed", what) from e
        if code := begin_clip.face_fault(self.faces.find(pixels), pixels):
            raise refusal(code)
        photos = finish_clip.photos_of(spec, twin)
        if code := finish_clip.measure([pixels], photos, self.faces).fault(
            finish_clip.floor_of(floor, photos)
        ):
            raise refusal(code)
        return media.encode_jpeg(pixels, 95)

    def finish_clip(
        self,
        clip: bytes,
        *,
        picture: bytes,
        spec: AnimateSpec,
        twin: Mapping[str, Any],
        floor: float,
        engine: str,
        seed: int,
    ) -> Clip:
        frames = frames_of(clip, spec.frames, begin_clip.sized(media.to_array(picture)))
        photos = finish_clip.photos_of(spec, twin)
        if not self.faces.find(frames[0]):
            raise refusal("likeness_too_low")
        measured = finish_clip.measure(frames, photos, self.faces)
        if code := measured.fault(finish_clip.floor_of(floor, photos)):
            raise refusal(code)
        return finish_clip.deliver(
            frames,
            measured,
            spec=spec,
            is_avatar="avatar" in twin,
            engine=engine,
            signer=self.signer,
            parent=picture,
            seed=seed,
        )

    def close(self) -> None:
        pass


def frames_of(clip: bytes, count: int, first: np.ndarray) -> list[np.ndarray]:
    """The first `count` frames of an MP4 from elsewhere, their sides even. In the shape of `first`, the
    picture that was sent, they begin with it and get its tone. MLError `result_bad`."""
    bad = MLError("result_bad", "What came back is not a clip that can be used. Try again.")
    try:
        small = (media.within(frame, begin_clip.LONGEST) for frame in clips.decode(clip))
        found = list(itertools.islice(small, count))
    except MLError as e:
        raise bad from e
    if len(found) < count or min(found[0].shape[:2]) < begin_clip.SHORTEST:
        raise bad
    height, width = (side // 2 * 2 for side in found[0].shape[:2])
    found = [np.ascontiguousarray(frame[:height, :width]) for frame in found]
    if abs(np.log(width / height / (first.shape[1] / first.shape[0]))) > SAME_SHAPE:
        return found
    return begin_clip.in_one_tone(edit.fit(first, (width, height)), found)


def _plain(vector: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in vector)


class InChild:
    """Gives the work to a child process, one call at a time. A child that died is replaced, once a call.

    `keys`: the folder of the signing key. `idle`: seconds after which the child ends. `seconds`: that a call
    may take. `program`: the child's module; a test gives a small one."""

    def __init__(
        self,
        keys: Path,
        *,
        threads: int | None = None,
        idle: float = IDLE_SECONDS,
        seconds: float = CALL_SECONDS,
        program: str = CHILD,
    ):
        self.keys, self.threads, self.program = keys, threads, program
        self.idle, self.seconds = idle, seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def describe(self, photo: bytes, embedder: str = "") -> Vector | None:
        found = self._call("describe", photo, embedder)
        return found if isinstance(found, Vector) else None

    def vector(self, picture: bytes, embedder: str) -> Vector | None:
        found = self._call("vector", picture, embedder)
        return found if isinstance(found, Vector) else None

    def finish(self, picture: bytes, **facts: Any) -> Picture | None:
        found = self._call("finish", picture, **facts)
        return found if isinstance(found, Picture) else None

    def begin_clip(self, picture: bytes, **facts: Any) -> bytes:
        return bytes(self._call("begin_clip", picture, **facts))

    def finish_clip(self, clip: bytes, **facts: Any) -> Clip:
        found: Clip = self._call("finish_clip", clip, **facts)
        return found

    def close(self) -> None:
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    def _call(self, name: str, *args: Any, **named: Any) -> Any:
        with self._lock:
            for last in (False, True):
                try:
                    kind, found = self._ask((name, args, named))
                    break
                except (OSError, EOFError) as e:  # it died, was killed, or ended as it was asked
                    self._end()
                    if last:
                        raise _broken() from e
        if kind == "error":
            raise found
        return found

    def _ask(self, call: Any) -> tuple[str, Any]:
        line = self._line = self._line or self._start()
        line.send(call)
        if not line.poll(self.seconds * (OF_CLIPS if call[0] == "finish_clip" else 1)):
            raise TimeoutError("the desk's child took too long")
        kind, found = line.recv()
        return kind, found

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), str(self.keys.resolve()), str(self.threads or 0), str(self.idle)]
        with theirs:
            # Its own session: Ctrl-C must reach only the parent, which then ends the child.
            self._child = subprocess.Popen(
                [sys.executable, "-m", self.program, *arguments],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                start_new_session=True,
            )
        return Connection(ours.detach())

    def _end(self) -> None:
        """The child ends at the end of the line."""
        line, child, self._line, self._child = self._line, self._child, None, None
        if line:
            line.close()
        if child:
            child.kill()
            child.wait()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self._end()


def _broken() -> MLError:
    return MLError("engine_failed", "The result could not be finished on this machine. Try again.")


# ---------------------------------------------------------------- in the child


def serve(descriptor: int, desk: Desk, idle: float) -> None:
    """Answers (method, arguments) with ("done", result) or ("error", MLError), until the line closes, the
    parent is gone, or nothing came for `idle` seconds."""
    line = Connection(descriptor)
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while line.poll(idle):
            line.send(_answer(desk, *line.recv()))


def _answer(desk: Desk, name: str, args: Any, named: Any) -> tuple[str, Any]:
    try:
        if name not in METHODS:
            raise ValueError(name)
        with memory_errors():
            return "done", getattr(desk, name)(*args, **named)
    except MLError as e:
        return "error", e
    except Exception:
        log.exception("the desk failed")
        return "error", _broken()


def _end_with(parent: int) -> None:
    """Ends this process as soon as its parent is gone: nobody waits for work under way."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)
