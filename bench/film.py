"""A camera before a page in Chromium: cropped pictures of it, and short silent clips that show each tap.

A clip is a row of screenshots, each held for as long as it is to be read; what takes minutes is cut."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

from ml.clips import BT709, LIMITED, index_first

WIDTH, HEIGHT, SCALE, FPS = 360, 640, 2, 8  # a phone; pictures have SCALE times its pixels
CLIP = (540, 960)  # px of a clip
# Most of a clip stands still, and a key frame costs as much as all that moves: there is one, at the begin.
OPTIONS = {"crf": "34", "preset": "veryslow", "tune": "animation", "bf": "0", "g": "1000"}
PHONE = {
    "viewport": {"width": WIDTH, "height": HEIGHT},
    "device_scale_factor": SCALE,
    "has_touch": True,
    "is_mobile": True,
    "reduced_motion": "reduce",
    "color_scheme": "light",
    "service_workers": "block",
}
TOP, BOTTOM = 70, 90  # px: bars of the page may cover what is nearer to an edge than this
QUALITY = 66
# That the network is idle says nothing: a page listens for as long as it is open.
SEEN = """Promise.all([...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight)
  .map((i) => i.decode().catch(() => {})))"""
# What is fixed to an edge of the screen would lie across a picture that is higher than it.
BARS = """for (const bar of document.querySelectorAll("body *"))
  if (["fixed", "sticky"].includes(getComputedStyle(bar).position)) bar.style.visibility = "{}";"""


class Camera:
    """Films `page` and puts pictures and clips into `folder`."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.frames: list[np.ndarray] = []
        self.lasted = 0.0  # seconds of the last clip

    # ---------------------------------------------------------------- what is filmed

    def look(self, seconds: float = 1.0) -> None:
        self._hold(self._frame(), seconds)

    def show(self, found: Any, seconds: float = 0.0) -> None:
        """Scrolls as somebody would until it is well in sight."""
        found.wait_for()
        box = found.bounding_box()
        above, below = TOP - box["y"], box["y"] + box["height"] - (HEIGHT - BOTTOM)
        if above > 0 or below > 0:
            by = min(below, -above) if below > 0 else -above
            for _ in range(4):
                self.page.evaluate(f"scrollBy({{top: {by / 4}, behavior: 'instant'}})")
                self.look(1 / FPS)
        self.look(seconds)

    def tap(self, found: Any, *, click: bool = True, opens: bool = True) -> None:
        """Rings what is tapped, and taps it, and waits for the page that this opens. Without `click` the
        caller does what it stands for."""
        self.show(found, 0.5)
        box, still = found.bounding_box(), Image.fromarray(self._frame())
        x, y = box["x"] + min(box["width"] / 2, 120), box["y"] + min(box["height"] / 2, 60)
        for radius in (26, 20, 16, 16):
            self._hold(_ringed(still, x, y, radius), 1 / FPS)
        if click and opens:
            with self.page.expect_navigation():  # a form is sent later than the click (static/forms.js)
                found.click()
            self.page.evaluate(SEEN)
        elif click:
            found.click()
        self.look(0.25)

    def write(self, found: Any, text: str) -> None:
        self.show(found)
        for end in (len(text) // 3, 2 * len(text) // 3, len(text)):
            found.fill(text[:end])
            self.look(1 / FPS)
        self.look(0.4)

    def _hold(self, frame: np.ndarray, seconds: float) -> None:
        self.frames += [frame] * round(seconds * FPS)

    def _frame(self) -> np.ndarray:
        shot = Image.open(io.BytesIO(self.page.screenshot(animations="disabled")))
        return np.asarray(shot.convert("RGB").resize(CLIP, Image.Resampling.LANCZOS))

    # ---------------------------------------------------------------- what is kept

    def picture(self, name: str, first: Any, last: Any = None, *, margin: int = 10) -> None:
        """The part of the page from one element to another, over the whole width of the screen."""
        boxes = [each.bounding_box() for each in (first, last or first)]
        self.page.evaluate(BARS.format("hidden"))
        self.page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        down = boxes[0]["y"] - first.bounding_box()["y"]  # boxes are those of before the scrolling
        top = max(0, boxes[0]["y"] - down - margin)
        height = min(boxes[1]["y"] + boxes[1]["height"] - down + margin - top, 1.4 * WIDTH)
        area = {"x": 0, "y": top, "width": WIDTH, "height": height}
        shot = self.page.screenshot(animations="disabled", full_page=True, clip=area)
        self.page.evaluate(BARS.format(""))
        save(Image.open(io.BytesIO(shot)).convert("RGB"), self.folder / f"{name}.webp")

    def clip(self, name: str, poster: float = 1.0) -> None:
        """Keeps what was filmed, with the picture at `poster` (0 to 1) for before it plays."""
        (self.folder / f"{name}.mp4").write_bytes(encoded(self.frames))
        still = self.frames[round(poster * (len(self.frames) - 1))]
        save(Image.fromarray(still), self.folder / f"{name}.webp")
        self.lasted, self.frames = len(self.frames) / FPS, []


def save(picture: Image.Image, path: Path) -> None:
    picture.save(path, quality=QUALITY, method=6)


def _ringed(still: Image.Image, x: float, y: float, radius: float) -> np.ndarray:
    """`x`, `y`, `radius`: in pixels of the page."""
    layer, scale = Image.new("RGBA", still.size), still.width / WIDTH
    box = [scale * side for side in (x - radius, y - radius, x + radius, y + radius)]
    ImageDraw.Draw(layer).ellipse(box, fill=(20, 20, 20, 90), outline=(255, 255, 255, 230), width=4)
    return np.asarray(Image.alpha_composite(still.convert("RGBA"), layer).convert("RGB"))


def encoded(frames: Sequence[np.ndarray]) -> bytes:
    """MP4 with H.264, as every browser plays it, with its index first."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=OPTIONS)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, context = "yuv420p", stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        for i, frame in enumerate(frames):
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            made = made.reformat(format="yuv420p", dst_colorspace="ITU709")
            made.pts, made.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    return index_first(out.getvalue())
