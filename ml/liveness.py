"""Tells a living head from a picture of one, as far as the frames of a selfie can: a picture that does not
move, a flat or bent one that does, a screen before the camera. docs/engine.md has the figures.

A head has depth: when it turns, the nose moves against eyes and mouth by as much as the eyes draw together.
Paper has none. A screen's pixels and the camera's make a pattern together (moire), and its frame may be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np

from ml.heads import Frame, Neutral
from ml.measures import NOSE

# Degrees of yaw and pitch: a selfie that stays within both, and in which no eye closes, does not move.
RESTING = 6.0
TURNED = 18.0  # degrees of yaw from which the eyes draw together enough to be measured
NARROW = 0.88  # the eyes' distance as a share of that in front: that of a turn by 28 degrees
DEEP = 0.25  # least depth of the nose, in distances between the eyes

WINDOW = 128  # px of the face in which a pattern is looked for
COARSE = 0.08  # cycles per px: lower frequencies are the face itself
AXIS = 2  # bins of the spectrum beside its axes, where JPEG's blocks show
FLOOR = 0.9  # quantile of the power at one frequency; JPEG leaves most of a fine texture out
PATTERN = 50.0  # least median of the frames of a screen: 88 real photos have at most 17, as poor JPEGs 25

EDGE = 0.35  # least length of a piece of a screen's edge, as a share of the frame's height
LEANING = 20.0  # degrees
WHOLE = 0.8  # least share of each side of a screen's edge that is seen
CHOICES = 5  # lines that are tried on each side of the face


def depth_of(frames: Sequence[Frame], neutral: Neutral) -> float | None:
    """How far the nose stands before the eyes, in distances between them: the median of the turned frames;
    None without any. The nose moves by depth * sin(yaw) while the eyes draw together by cos(yaw)."""
    found = []
    for frame in frames:
        yaw = abs(neutral.yaw_of(frame))
        near = min(neutral.shape / frame.shape, 0.999)  # the eyes' distance, as a share of that in front
        if yaw >= TURNED or near < NARROW:
            found.append(float(NOSE * np.tan(np.radians(yaw)) * near / np.sqrt(1 - near * near)))
    return median(found) if found else None


def is_flat(frames: Sequence[Frame], neutral: Neutral) -> bool:
    """Whether the frames of a turn show paper: the eyes draw together, and the nose stays between them. An
    open mouth makes a face narrow as well, so frames in which the head is turned have the first word."""
    turned = [f for f in frames if abs(neutral.yaw_of(f)) >= TURNED]
    narrow = [f for f in frames if neutral.shape / f.shape < NARROW]
    depth = depth_of(turned or narrow, neutral) if turned or len(narrow) > 1 else None
    return depth is not None and depth < DEEP


def rests(frames: Sequence[Frame], neutral: Neutral) -> bool:
    """Whether nothing moves in the whole selfie."""
    moved = [max(abs(neutral.yaw_of(f)), abs(neutral.pitch_of(f))) for f in frames]
    return max(moved) < RESTING and all(sum(f.eyes) > 1 for f in frames)


def is_screen(frames: Sequence[Frame]) -> bool:
    return median_pattern(frames) >= PATTERN or share_framed(frames) > 0.5


def median_pattern(frames: Sequence[Frame]) -> float:
    return median([pattern_of(f) for f in frames] or [0.0])


def share_framed(frames: Sequence[Frame]) -> float:
    """Of the first frames of each step, the share in which the edge of a screen is seen."""
    firsts = {f.step: f for f in reversed(frames)}
    return round(sum(map(framed, firsts.values())) / max(len(firsts), 1), 2)


def pattern_of(frame: Frame) -> float:
    """How far the strongest regular pattern on the face stands out of its texture: the highest power in the
    spectrum over the median at the same frequency."""
    window = face_window(frame)
    if window.shape[0] < WINDOW // 2:
        return 0.0
    red, green, blue = (window[..., i].astype(np.float32) for i in range(3))
    return max(peak(plane) for plane in (red + 2 * green + blue, red - green, blue - green))


def face_window(frame: Frame) -> np.ndarray:
    """(n, n, 3): the middle of the face, at the frame's own scale."""
    assert frame.face
    x1, y1, x2, y2 = frame.face.box
    side = int(min(WINDOW, x2 - x1, y2 - y1)) // 2
    x, y = int((x1 + x2) / 2), int((y1 + y2) / 2)
    part = frame.picture[max(y - side, 0) : y + side, max(x - side, 0) : x + side]
    side = min(part.shape[:2])
    return part[:side, :side]


def peak(plane: np.ndarray) -> float:
    side = len(plane)
    texture = plane - cv2.GaussianBlur(plane, (0, 0), 3)
    power = np.abs(np.fft.rfft2(texture * np.outer(np.hanning(side), np.hanning(side)))) ** 2
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    far = np.hypot(down, across)
    looked = (far > COARSE) & (far < 0.5) & (np.abs(down) * side > AXIS) & (across * side > AXIS)
    ring = (far * side / 4).astype(int)
    floors = np.array([np.quantile(power[ring == r], FLOOR) for r in range(ring.max() + 1)])
    return float((power / np.maximum(floors[ring], 1e-6))[looked].max())


def framed(frame: Frame) -> bool:
    """Whether the face is inside of a quadrilateral of straight edges, which nothing covers: the edge of a
    screen or a print. A door or a window behind a person is covered by the shoulders below."""
    assert frame.face
    grey = cv2.GaussianBlur(cv2.cvtColor(frame.picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    edges = cv2.Canny(grey, 40, 110)
    least = EDGE * grey.shape[0]
    found = cv2.HoughLinesP(edges, 1, np.pi / 360, 60, minLineLength=least, maxLineGap=10)
    if found is None:
        return False
    sides = sides_of(found[:, 0].astype(np.float64), frame.face.box)
    near = cv2.dilate(edges, np.ones((5, 5), np.uint8)) > 0
    left, right, top, bottom = sides
    return any(
        is_whole([crossing(a, b) for a, b in ((l, t), (t, r), (r, d), (d, l))], near)
        for l in left
        for r in right
        for t in top
        for d in bottom
    )


def sides_of(lines: np.ndarray, box: tuple[float, float, float, float]) -> list[np.ndarray]:
    """Lines (n, 4) left of the face, right of it, above and below, the longest of each."""
    x1, y1, x2, y2 = box
    size = np.abs(lines[:, 2:] - lines[:, :2])
    lines = lines[np.argsort(-size.sum(1), kind="stable")]
    size, middle = np.abs(lines[:, 2:] - lines[:, :2]), (lines[:, 2:] + lines[:, :2]) / 2
    upright = size[:, 0] < size[:, 1] * np.tan(np.radians(LEANING))
    level = size[:, 1] < size[:, 0] * np.tan(np.radians(LEANING))
    chosen = (
        upright & (middle[:, 0] < x1),
        upright & (middle[:, 0] > x2),
        level & (middle[:, 1] < y1),
        level & (middle[:, 1] > y2),
    )
    return [lines[which][:CHOICES] for which in chosen]


def crossing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two lines (x1, y1, x2, y2) meet."""
    first, second = (np.cross([*line[:2], 1.0], [*line[2:], 1.0]) for line in (a, b))
    x, y, w = np.cross(first, second)
    return np.array([x, y]) / (w if abs(w) > 1e-9 else 1e-9)


def is_whole(corners: list[np.ndarray], near: np.ndarray) -> bool:
    """Whether an edge is seen along all four sides. `near` (H, W): within 2 px of an edge."""
    height, width = near.shape
    if any(not (-4 <= x < width + 4 and -4 <= y < height + 4) for x, y in corners):
        return False
    share = np.linspace(0.03, 0.97, 80)[:, None]
    for a, b in zip(corners, corners[1:] + corners[:1]):
        x, y = (a + share * (b - a)).T.round().astype(int)
        if near[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].mean() < WHOLE:
            return False
    return True
