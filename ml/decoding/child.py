"""Decodes one untrusted picture and re-encodes it; `ml.media` starts a new process for each upload.

It imports nothing of ours but `ml.decoding`. It reads the whole picture from stdin. It writes one line of
JSON to stdout: {"code": ""} with width, height and size, or {"code": "too_small"} and the like; then `size`
bytes: a JPEG, or the pixels as rows of RGB where "pixels" is asked for.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

from PIL import Image, ImageOps

from ml.decoding import containers, jpeg, png
from ml.decoding.colours import to_srgb
from ml.decoding.source import Refused, Source

MEMORY_BYTES = 1024**3
CPU_SECONDS = 10
MAX_JPEG_BYTES = 1_000_000
# The first quality under MAX_JPEG_BYTES is used: 92 or 86 for a photo at 2048 px, 20 for pure noise.
QUALITIES = (92, 86, 80, 72, 62, 50, 35, 20)
READERS = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "TIFF": containers.read_tiff,
    "WEBP": containers.read_webp,
    "HEIF": containers.read_heif,
}


def limit() -> None:
    """Limits memory and time, and forbids writing files: a core dump would hold a person's photo."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def opened(data: bytes, kind: str, max_pixels: int, min_side: int) -> Source:
    """Checks the header; nothing is decompressed yet. Raises Refused."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow itself raises at twice this number
    source = READERS[kind](data)
    width, height = source.picture.size
    if width * height > max_pixels:
        raise Refused("too_large")
    if min(width, height) < min_side:
        raise Refused("too_small")
    return source


def decode(picture: Image.Image, long_side: int) -> None:
    """Decompresses. A JPEG that is shrunk to half or less is shrunk in its DCT: several times faster."""
    if picture.format == "JPEG":
        # The 5 % lets the DCT shrink 4032 px to 2016; to reach 2048 exactly takes twice the time.
        share = 0.95 * long_side / max(picture.size)
        if share < 1:
            picture.draft(None, (int(picture.width * share) or 1, int(picture.height * share) or 1))
    picture.load()


# Modes without and with transparency that others become: these resize well.
PLAIN = {"1": "L", "P": "RGB", "RGBX": "RGB", "YCbCr": "RGB"}
CLEAR = {"1": "LA", "L": "LA", "La": "LA", "P": "RGBA", "PA": "RGBA", "RGB": "RGBA", "RGBa": "RGBA"}


def to_eight_bits(picture: Image.Image) -> Image.Image:
    """Converts palette, bilevel and 16-bit pictures to L, LA, RGB or RGBA. Raises Refused for others."""
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("I", "F"):
        raise Refused("unsupported_format")
    table = CLEAR if picture.has_transparency_data else PLAIN
    mode = table.get(picture.mode, picture.mode)
    return picture if mode == picture.mode else picture.convert(mode)


def positive(picture: Image.Image) -> Image.Image:
    """A grey picture whose white is zero, with white as 255; transparency stays."""
    if picture.mode == "LA":
        grey, alpha = picture.split()
        return Image.merge("LA", (ImageOps.invert(grey), alpha))
    return ImageOps.invert(picture)


def shrink(picture: Image.Image, long_side: int) -> Image.Image:
    share = long_side / max(picture.size)
    if share >= 1:
        return picture
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    turns = Image.Transpose
    turn = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def encode(picture: Image.Image) -> bytes:
    """A JPEG without metadata. `info` is cleared because Pillow would copy its comments."""
    picture.info = {}
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() < MAX_JPEG_BYTES:
            break
    return out.getvalue()


def clean(
    data: bytes, kind: str, form: str, long_side: int, max_pixels: int, min_side: int
) -> tuple[dict[str, Any], bytes]:
    source = opened(data, kind, max_pixels, min_side)
    width, height = source.picture.size  # decoding may shrink it
    decode(source.picture, long_side)
    small = shrink(to_eight_bits(source.picture), long_side)
    small = to_srgb(positive(small) if source.negative else small, source.profile, source.coding)
    shown = upright(small, source.orientation)
    if source.orientation in (5, 6, 7, 8):
        width, height = height, width
    if form == "pixels":
        width, height = shown.size
    body = shown.convert("RGB").tobytes() if form == "pixels" else encode(shown)
    return {"code": "", "width": width, "height": height, "size": len(body)}, body


def main() -> None:
    kind, form, *numbers = sys.argv[1:]
    limit()  # before the first hostile byte is read
    try:
        long_side, max_pixels, min_side = map(int, numbers)
        answer, picture = clean(sys.stdin.buffer.read(), kind, form, long_side, max_pixels, min_side)
    except Refused as refusal:
        answer, picture = {"code": refusal.args[0]}, b""
    except MemoryError:  # WebP needs about 20 bytes a pixel
        answer, picture = {"code": "too_large"}, b""
    except BaseException:  # Pillow raises many types of error for hostile files
        answer, picture = {"code": "unreadable"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + picture)
