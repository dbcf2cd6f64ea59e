"""Decodes one untrusted picture and re-encodes it; `ml.media` starts a new process for each upload.

`python -I decode_child.py FORMAT LONG_SIDE MAX_PIXELS MIN_SIDE`. It imports none of our modules. It reads the
whole picture from stdin. It writes one line of JSON to stdout: {"code": ""} with width, height and size, or
{"code": "too_small"} and the like; then `size` bytes of JPEG.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any, cast

from PIL import Image, ImageCms

MEMORY_BYTES = 1024**3
CPU_SECONDS = 10
MAX_JPEG_BYTES = 1_000_000
# The first quality under MAX_JPEG_BYTES is used: 92 or 86 for a photo at 2048 px, 20 for pure noise.
QUALITIES = (92, 86, 80, 72, 62, 50, 35, 20)
ORIENTATION = 0x0112


def limit() -> None:
    """Limits memory and time, and forbids writing files: a core dump would hold a person's photo."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class Refused(Exception):
    """args[0] is one of types.PHOTO_CODES."""


def open_picture(data: bytes, kind: str, max_pixels: int, min_side: int) -> Image.Image:
    """Checks the header; nothing is decompressed yet. Raises Refused."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # Pillow itself raises at twice this number
    try:
        picture = Image.open(io.BytesIO(data), formats=[kind])
    except Image.DecompressionBombError:
        raise Refused("too_large") from None
    # A phone's MPO and HEIC hold several pictures too, but these open at their primary one.
    if kind in ("PNG", "TIFF", "WEBP") and getattr(picture, "is_animated", False):
        raise Refused("unsupported_format")
    if picture.width * picture.height > max_pixels:
        raise Refused("too_large")
    if min(picture.size) < min_side:
        raise Refused("too_small")
    return picture


def decode(picture: Image.Image, long_side: int) -> None:
    """Decompresses. A JPEG that is shrunk to half or less is shrunk in its DCT: several times faster."""
    if picture.format in ("JPEG", "MPO"):
        # The 5 % lets the DCT shrink 4032 px to 2016; to reach 2048 exactly takes twice the time.
        share = 0.95 * long_side / max(picture.size)
        if share < 1:
            picture.draft(None, (int(picture.width * share) or 1, int(picture.height * share) or 1))
    picture.load()


def to_eight_bits(picture: Image.Image) -> Image.Image:
    """Converts palette, bilevel, 16-bit and float pictures to L, RGB or RGBA, which resize well."""
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("I", "F"):  # the range is unknown: stretch minimum..maximum to 0..255
        low, high = cast("tuple[float, float]", picture.getextrema())
        scale = 255 / (high - low) if high > low else 0
        return picture.point(lambda value: value * scale - low * scale).convert("L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in ("1", "P"):
        return picture.convert("RGB")
    return picture


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


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, transparency on white. An unusable profile is ignored."""
    if picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    if not profile and picture.mode != "LAB":
        return picture.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
        if picture.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB")


def encode(picture: Image.Image) -> bytes:
    """A JPEG without metadata. `info` is cleared because Pillow would copy its comments."""
    picture.info = {}
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() < MAX_JPEG_BYTES:
            break
    return out.getvalue()


def turn_of(picture: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where the EXIF is missing or broken (Pillow has turned a TIFF already)."""
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:  # a hostile EXIF block raises anything
        return 1


def clean(
    data: bytes, kind: str, long_side: int, max_pixels: int, min_side: int
) -> tuple[dict[str, Any], bytes]:
    picture = open_picture(data, kind, max_pixels, min_side)
    width, height = picture.size
    decode(picture, long_side)
    orientation, profile = turn_of(picture), picture.info.get("icc_profile")
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    small = shrink(to_eight_bits(picture), long_side)
    jpeg = encode(upright(to_srgb(small, profile), orientation))
    return {"code": "", "width": width, "height": height, "size": len(jpeg)}, jpeg


def main() -> None:
    kind, *numbers = sys.argv[1:]
    limit()  # before the first hostile byte is read
    if kind == "HEIF":  # imported only here: the import takes a third of the start-up time
        import pillow_heif

        # The primary picture alone: an embedded thumbnail may show something else.
        pillow_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )
    try:
        long_side, max_pixels, min_side = map(int, numbers)
        answer, jpeg = clean(sys.stdin.buffer.read(), kind, long_side, max_pixels, min_side)
    except Refused as refusal:
        answer, jpeg = {"code": refusal.args[0]}, b""
    except MemoryError:  # WebP needs about 20 bytes a pixel
        answer, jpeg = {"code": "too_large"}, b""
    except BaseException:  # Pillow raises many types of error for hostile files
        answer, jpeg = {"code": "unreadable"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + jpeg)


if __name__ == "__main__":
    main()
