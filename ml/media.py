"""Cleans uploads in a child process; encodes arrays as PNG and JPEG; draws contact sheets."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ml.decoding.signatures import kind_of
from ml.errors import PhotoRefused

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 64_250_000  # the "50 MP" of phones are 6144 x 8160 pixels, the "64 MP" 6944 x 9248
MIN_SIDE = 512  # pixels of the short side: a face below that is too small to learn from
WALL_SECONDS = 10.0
MAX_ANSWER = 1_001_000  # bytes: one line of JSON and a JPEG under 1 MB
# -I: the child ignores the environment. Our folder comes last on its path, so it hides no standard module.
START = "import sys; sys.path.append(sys.argv.pop(1)); from ml.decoding.child import main; main()"
ROOT = str(Path(__file__).resolve().parent.parent)

MESSAGES = {
    "not_an_image": "This file is not a picture. Choose a JPEG, PNG, TIFF, WebP or HEIC photo.",
    "unsupported_format": "This kind of picture cannot be used. Choose a single JPEG, PNG, TIFF, WebP or HEIC photo, without animation or pages. Export a raw file as JPEG first.",  # noqa: E501
    "unreadable": "This picture is damaged or incomplete. Save or download it again and choose the new file.",
    "too_small": "This picture is too small. Choose one of at least 512 pixels on its short side.",
    "too_large": "This picture is too large. Choose one of at most 64 megapixels and 25 MB.",
}


@dataclass(frozen=True)
class CleanPhoto:
    """`jpeg`: upright 8-bit sRGB, no metadata, under 1 MB. `width`, `height`: of the original, upright."""

    jpeg: bytes
    width: int
    height: int
    format: str  # JPEG, PNG, TIFF, WEBP or HEIF


def clean(data: bytes, *, long_side: int = 2048, min_side: int = MIN_SIDE) -> CleanPhoto:
    """A clean copy of an upload, at most `long_side` pixels. A new child process decodes the bytes.

    Raises PhotoRefused: not_an_image, unsupported_format, unreadable, too_small, too_large.
    """
    if len(data) > MAX_BYTES:
        raise refusal("too_large")
    kind = kind_of(data)
    if kind in MESSAGES:
        raise refusal(kind)
    numbers = [str(number) for number in (long_side, MAX_PIXELS, min_side)]
    answer = ask_child([sys.executable, "-I", "-c", START, ROOT, kind, "jpeg", *numbers], data)
    return read_answer(answer, kind, min_side)


def pixels(data: bytes, *, max_pixels: int, min_side: int = 1) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of a picture from elsewhere, without loss. A new child process decodes the bytes.
    Raises PhotoRefused like `clean`."""
    kind = kind_of(data)
    if kind in MESSAGES:
        raise refusal(kind)
    numbers = [str(number) for number in (max_pixels, max_pixels, min_side)]
    command = [sys.executable, "-I", "-c", START, ROOT, kind, "pixels", *numbers]
    head, _, rows = ask_child(command, data, most=3 * max_pixels + 1000).partition(b"\n")
    code, width, height, size = _read_head(head, min_side)
    if code in MESSAGES:
        raise refusal(code)
    if code or not size == len(rows) == 3 * width * height or width * height > max_pixels:
        raise refusal("unreadable")
    return np.frombuffer(rows, np.uint8).reshape(height, width, 3)


def refusal(code: str) -> PhotoRefused:
    return PhotoRefused(code, MESSAGES[code])


def ask_child(
    command: list[str], data: bytes, *, seconds: float = WALL_SECONDS, most: int = MAX_ANSWER
) -> bytes:
    """The child's output, cut at `most` bytes; shorter when the child is killed or hangs.

    The child reads all of stdin before it writes, so blocking pipes suffice. A timer kills a child that
    hangs. Its environment holds no secrets; one malloc arena and one thread of NumPy keep its memory small.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert child.stdin
    assert child.stdout
    clock = threading.Timer(seconds, child.kill)
    clock.start()
    try:
        with child:
            child.stdin.write(data)
            child.stdin.close()
            answer = child.stdout.read(most)
            child.kill()  # any further output is not read
        return answer
    except OSError:  # the child died before it had read everything
        return b""
    finally:
        clock.cancel()


def read_answer(answer: bytes, kind: str, min_side: int = MIN_SIDE) -> CleanPhoto:
    """Checks the child's answer. The child decoded hostile bytes, so unexpected output means unreadable."""
    head, _, jpeg = answer.partition(b"\n")
    code, width, height, size = _read_head(head, min_side)
    if code in MESSAGES:
        raise refusal(code)
    if code or size != len(jpeg) or not jpeg.startswith(b"\xff\xd8\xff"):
        raise refusal("unreadable")
    return CleanPhoto(jpeg, width, height, kind)


def _read_head(head: bytes, min_side: int) -> tuple[str, int, int, int]:
    """(code, width, height, size); the code is "unreadable" for a line that the child does not write."""
    try:
        said = json.loads(head)
        code, numbers = str(said["code"]), [said.get(name) for name in ("width", "height", "size")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "unreadable", 0, 0, 0
    if code:
        return code, 0, 0, 0
    whole = all(type(number) is int for number in numbers)
    if not whole or min(numbers[0], numbers[1]) < min_side:
        return "unreadable", 0, 0, 0
    return code, numbers[0], numbers[1], numbers[2]


def to_array(picture: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB of our own clean JPEG, PNG or WebP. Not for uploads."""
    with Image.open(io.BytesIO(picture), formats=["JPEG", "PNG", "WEBP"]) as image:
        return np.array(image.convert("RGB"))


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of our own clean JPEG or PNG, without decoding it."""
    with Image.open(io.BytesIO(picture), formats=["JPEG", "PNG"]) as image:
        return image.size


def to_luma(jpeg: bytes, width: int) -> np.ndarray:
    """(H, W) uint8 luma of our own clean JPEG, at least `width` pixels wide if the JPEG is. Colours are not
    decoded, and the DCT shrinks by 2, 4 or 8: several times faster than `to_array`."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        share = min(1.0, width / image.width)
        image.draft("L", (int(image.width * share) or 1, int(image.height * share) or 1))
        return np.array(image.convert("L"))


def encode_png(array: np.ndarray) -> bytes:
    """PNG of (H, W, 3) uint8 RGB."""
    return _save(Image.fromarray(array), "PNG")


def encode_jpeg(array: np.ndarray, quality: int = 92) -> bytes:
    """JPEG of (H, W, 3) uint8 RGB; `quality` 1..95."""
    return _save(Image.fromarray(array), "JPEG", quality=quality)


def turn(photo: CleanPhoto, quarters: int) -> CleanPhoto:
    """The photo turned to the left by `quarters` of a full turn."""
    jpeg = encode_jpeg(np.ascontiguousarray(np.rot90(to_array(photo.jpeg), quarters)))
    size = (photo.height, photo.width) if quarters % 2 else (photo.width, photo.height)
    return replace(photo, jpeg=jpeg, width=size[0], height=size[1])


def within(picture: np.ndarray, long_side: int | None) -> np.ndarray:
    """(H, W, 3) uint8 RGB, shrunk if its longer side is above `long_side` pixels."""
    if long_side is None or max(picture.shape[:2]) <= long_side:
        return picture
    small = Image.fromarray(picture)
    small.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def thumbnail(picture: bytes, long_side: int, kind: str = "JPEG") -> bytes:
    """A small copy of one of our own pictures, at most `long_side` pixels, as JPEG or WEBP."""
    with Image.open(io.BytesIO(picture)) as whole:
        small = whole.convert("RGB")
    small.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return _save(small, kind, quality=82)


def _save(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# Contact sheet: colours and pixels.
GROUND, INK, PALE = "#faf7f2", "#2b2724", "#d9d2c7"
SHEET, MARGIN, GAP = 1600, 56, 16
PHOTO_COLUMNS, PICTURE_COLUMNS = 12, 4
TITLE_SIZE, CAPTION_SIZE = 40, 24


def contact_sheet(
    photos: list[np.ndarray], pictures: list[np.ndarray], captions: list[str], *, title: str = ""
) -> bytes:
    """PNG, 1600 px wide: the title, small square photos, a line, and the pictures with a caption under each.

    Photos and pictures are (H, W, 3) uint8 RGB of any size; one caption for each picture.
    """
    if len(captions) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures, {len(captions)} captions")
    cells = [_photo_cell(photo) for photo in photos]
    top = _grid(cells, PHOTO_COLUMNS)
    bottom = _grid(_picture_cells(pictures, captions), PICTURE_COLUMNS)
    parts = [part for part in (_title(title), top, _line() if top and bottom else None, bottom) if part]
    height = 2 * MARGIN + sum(part.height for part in parts) + 2 * GAP * (len(parts) - 1)
    sheet = Image.new("RGB", (SHEET, height), GROUND)
    y = MARGIN
    for part in parts:
        sheet.paste(part, (MARGIN, y))
        y += part.height + 2 * GAP
    return _save(sheet, "PNG")


def _cell_width(columns: int) -> int:
    return (SHEET - 2 * MARGIN - GAP * (columns - 1)) // columns


def _grid(cells: list[Image.Image], columns: int) -> Image.Image | None:
    """Equal cells, left to right and top to bottom."""
    if not cells:
        return None
    width, height = cells[0].size
    rows = -(-len(cells) // columns)
    grid = Image.new("RGB", (SHEET - 2 * MARGIN, rows * (height + GAP) - GAP), GROUND)
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        grid.paste(cell, (column * (width + GAP), row * (height + GAP)))
    return grid


def _photo_cell(photo: np.ndarray) -> Image.Image:
    side = _cell_width(PHOTO_COLUMNS)
    return ImageOps.fit(Image.fromarray(photo), (side, side), Image.Resampling.LANCZOS, centering=(0.5, 0.4))


def _picture_cells(pictures: list[np.ndarray], captions: list[str]) -> list[Image.Image]:
    """Each whole picture at its column's width with a caption below; all cells have the tallest's height."""
    width = _cell_width(PICTURE_COLUMNS)
    font = ImageFont.load_default(CAPTION_SIZE)
    tallest = max((round(width * array.shape[0] / array.shape[1]) for array in pictures), default=0)
    height = min(tallest, 2 * width)
    cells = []
    for array, caption in zip(pictures, captions, strict=True):
        cell = Image.new("RGB", (width, height + 2 * CAPTION_SIZE), GROUND)
        image = ImageOps.contain(Image.fromarray(array), (width, height), Image.Resampling.LANCZOS)
        cell.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        middle = (width / 2, height + CAPTION_SIZE)
        ImageDraw.Draw(cell).text(middle, caption, fill=INK, font=font, anchor="mm")
        cells.append(cell)
    return cells


def _title(text: str) -> Image.Image | None:
    if not text:
        return None
    strip = Image.new("RGB", (SHEET - 2 * MARGIN, TITLE_SIZE + GAP // 2), GROUND)
    draw = ImageDraw.Draw(strip)
    draw.text((0, strip.height / 2), text, fill=INK, font=ImageFont.load_default(TITLE_SIZE), anchor="lm")
    return strip


def _line() -> Image.Image:
    return Image.new("RGB", (SHEET - 2 * MARGIN, 2), PALE)
