"""What somebody else could hold before the camera: a person's photograph on paper, flat or bent, and a film
on a screen. Pictures are (H, W, 3) uint8 RGB."""

from __future__ import annotations

import cv2
import numpy as np

from ml.drawn.backdrops import backdrop
from ml.drawn.people import Scene

A = np.ndarray
BRIGHT = 0.95 / (0.26 * 0.86)  # a screen's stripes to what they make from afar
BORDER = 18  # px of white paper, and of a screen's bezel


def room(height: int, width: int, number: int) -> A:
    scene = Scene(background="studio", backdrop=("grey", "blue", "white")[number % 3], arrangement=number)
    return (np.clip(backdrop(scene, height, width), 0, 1) * 255).astype(np.uint8)


def tilted(picture: A, yaw: float, pitch: float, roll: float = 0.0, zoom: float = 0.8, number: int = 0) -> A:
    """A flat print, turned by these degrees, held at 2.2 of its widths from the camera."""
    height, width = picture.shape[:2]
    paper = cv2.copyMakeBorder(picture, *[BORDER] * 4, cv2.BORDER_CONSTANT, value=(245, 245, 245))
    wide, tall = paper.shape[1] / 2, paper.shape[0] / 2
    corners = np.array([(-wide, -tall, 0), (wide, -tall, 0), (wide, tall, 0), (-wide, tall, 0)])
    solid = corners @ turn(yaw, pitch, roll).T
    far = 2.2 * width
    flat = solid[:, :2] * (zoom * far / (far - solid[:, 2:])) + (width / 2, height / 2)
    source = corners[:, :2] + (wide, tall)
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), flat.astype(np.float32))
    return laid(paper, matrix, room(height, width, number))


def turn(yaw: float, pitch: float, roll: float) -> A:
    a, b, c = np.radians([yaw, pitch, roll])
    around_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    around_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return around_z @ around_x @ around_y


def laid(paper: A, matrix: A, onto: A) -> A:
    size = (onto.shape[1], onto.shape[0])
    made = cv2.warpPerspective(paper, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones(paper.shape[:2], np.float32), matrix, size)[..., None]
    return (made * mask + onto * (1 - mask)).astype(np.uint8)


def bent(picture: A, radius: float, degrees: float, middle: float, number: int = 0) -> A:
    """A print rolled around an upright axis, turned by degrees. `radius` px; `middle`: the face's x."""
    height, width = picture.shape[:2]
    x = np.arange(width, dtype=np.float32)
    sine = (x - middle) / radius
    angle = np.arcsin(np.clip(sine, -0.999, 0.999)) - np.radians(degrees)
    source = np.broadcast_to(middle + radius * angle, (height, width)).astype(np.float32)
    rows = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width)).copy()
    made = cv2.remap(picture, source.copy(), rows, cv2.INTER_LINEAR)
    inside = (np.abs(sine) < 1) & (source[0] > 0) & (source[0] < width - 1)
    return np.where(inside[None, :, None], made, room(height, width, number))


def on_screen(picture: A, *, grain: float, roll: float = 2.0, zoom: float = 0.75, number: int = 0) -> A:
    """The picture on a screen with a dark bezel. `grain`: pixels of the camera's sensor to one of the screen;
    the sensor has twice the frame's pixels. `zoom` above 1.1: the bezel is outside of the frame."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[: 6 * height, : 6 * width].astype(np.float32) / 6  # nine samples to a sensor's pixel
    c, s = float(np.cos(np.radians(roll))), float(np.sin(np.radians(roll)))
    u = ((x - width / 2) * c + (y - height / 2) * s) / zoom + width / 2
    v = ((y - height / 2) * c - (x - width / 2) * s) / zoom + height / 2
    shown = cv2.remap(picture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(np.float32)
    cell = grain / 2 / zoom  # of the picture's pixels to one of the screen
    shown *= grid(u / cell, v / cell)
    inside = ((u > -BORDER) & (u < width + BORDER) & (v > -BORDER) & (v < height + BORDER))[..., None]
    behind = cv2.resize(room(height, width, number), (6 * width, 6 * height)).astype(np.float32)
    sensor = cv2.resize(
        np.where(inside, shown, behind), (2 * width, 2 * height), interpolation=cv2.INTER_AREA
    )
    sensor = cv2.GaussianBlur(sensor, (0, 0), 0.6)
    made = cv2.resize(sensor, (width, height), interpolation=cv2.INTER_AREA)
    return np.clip(made, 0, 255).astype(np.uint8)


def grid(u: A, v: A) -> A:
    """(H, W, 3): the light of a screen's red, green and blue stripes."""
    across, down = u - np.floor(u), v - np.floor(v)
    lit = np.stack([(across > a) & (across < a + 0.26) for a in (0.04, 0.37, 0.70)], -1)
    return (lit & (down < 0.86)[..., None]).astype(np.float32) * BRIGHT
