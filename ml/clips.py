"""Writes and reads clips: MP4 with H.264, as every browser plays it. All in memory: nothing that is private
is written to a disk in the clear.

Frames are (H, W, 3) uint8 RGB."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from ml.animation import FPS, refusal

# `bf` 0: without frames that refer to later ones a clip begins at time 0, so that it loops without a gap.
OPTIONS = {"crf": "17", "preset": "medium", "bf": "0", "g": str(FPS)}
BT709, LIMITED = 1, 1  # FFmpeg's numbers of these colours: untagged clips are read by guesses
MOST_FRAMES, MOST_PIXELS = 1500, 4096 * 2304  # of a clip that is read
BOX = struct.Struct(">I4s")


def encode(frames: Sequence[np.ndarray], fps: int = FPS) -> bytes:
    """The MP4. Its sides are even: an odd one loses its last row or column."""
    out = io.BytesIO()
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        for i, frame in enumerate(frames):
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            made = made.reformat(format="yuv420p", dst_colorspace="ITU709")
            made.pts, made.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    return index_first(out.getvalue())


def decode(data: bytes, *, every: int = 1) -> Iterator[np.ndarray]:
    """Every n-th frame of a clip (n is `every`), the first among them. MLError `clip_unreadable`."""
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            if stream.width * stream.height > MOST_PIXELS:
                raise refusal("clip_unreadable")
            for i, frame in enumerate(container.decode(stream)):
                if i >= MOST_FRAMES:
                    return
                if i % every == 0:
                    yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, IndexError, ValueError) as e:
        raise refusal("clip_unreadable") from e


# ---------------------------------------------------------------- the index of an MP4


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the boxes in a row. ValueError for data that are cut."""
    at = 0
    while at < len(data):
        if at + BOX.size > len(data):
            raise ValueError("a box is cut")
        size, name = BOX.unpack_from(data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size < BOX.size or at + size > len(data):
            raise ValueError("a box is cut")
        yield name, at, at + size
        at += size


def index_first(data: bytes) -> bytes:
    """The same MP4 with its index (moov) before the frames (mdat), so that it plays while it loads.

    FFmpeg's own option for it reads its output again, which works with files alone."""
    parts = {name: data[start:end] for name, start, end in boxes(data)}
    order = [name for name, _, _ in boxes(data)]
    if order.index(b"moov") < order.index(b"mdat"):
        return data
    moov = moved(parts[b"moov"], len(parts[b"moov"]))
    rest = b"".join(parts[name] for name in order if name not in (b"ftyp", b"moov"))
    return parts[b"ftyp"] + moov + rest


def moved(box: bytes, by: int) -> bytes:
    """A box with the places of the frames (stco, co64) in it moved by so many bytes."""
    name = box[4:8]
    if name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        inner = box[BOX.size :]
        return box[: BOX.size] + b"".join(moved(inner[start:end], by) for _, start, end in boxes(inner))
    if name not in (b"stco", b"co64"):
        return box
    head, kind = 16, ">u8" if name == b"co64" else ">u4"
    return box[:head] + (np.frombuffer(box[head:], kind) + by).astype(kind).tobytes()


# ---------------------------------------------------------------- measures


def steadiness(frames: Sequence[np.ndarray]) -> float:
    """1 - the mean change of the change between frames, as a share of the full range, of the worst twentieth
    of the frames. What moves evenly, or stands still, is steady; what flickers is not. Below about 0.97 it is
    seen."""
    small = [
        cv2.resize(frame, (128, 128), interpolation=cv2.INTER_AREA).astype(np.float32) for frame in frames
    ]
    if len(small) < 3:
        return 1.0
    jerks = [float(np.abs(a - 2 * b + c).mean()) / 255 for a, b, c in zip(small, small[1:], small[2:])]
    return round(1 - float(np.percentile(jerks, 95)), 4)


def sampled(frames: Sequence[np.ndarray], every: int) -> list[np.ndarray]:
    """Every n-th frame (n is `every`), and the last."""
    return [*frames[:-1:every], frames[-1]]
