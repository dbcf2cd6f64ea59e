"""Converts a decoded picture to sRGB by its ICC profile or its coding, and lays transparency on white."""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageCms

from ml.decoding import primaries
from ml.decoding.source import Coding

NEAR = 2  # levels of 255: a profile that changes no colour by more is sRGB
HEADER, ENTRY = 128, 12  # bytes of an ICC profile before the table of tags, and of an entry of it
MOST_TAGS = 200


def to_srgb(picture: Image.Image, profile: bytes | None, coding: Coding | None) -> Image.Image:
    """RGB in sRGB of L, LA, RGB, RGBA, CMYK or LAB. Colours are converted before transparency is dropped."""
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    colours = converted(picture.convert(picture.mode[:-1]) if alpha else picture, profile, coding)
    if alpha is None:
        return colours
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(colours, mask=alpha)
    return ground


def converted(picture: Image.Image, profile: bytes | None, coding: Coding | None) -> Image.Image:
    if picture.mode == "LAB":  # tells its colours by itself
        lab = ImageCms.createProfile("LAB")
        return ImageCms.buildTransform(lab, ImageCms.createProfile("sRGB"), "LAB", "RGB").apply(picture)
    coding = coded_in(profile) or coding if profile else coding
    if coding and picture.mode in ("L", "RGB"):
        from ml.decoding import coded

        return coded.to_srgb(picture.convert("RGB"), coding)
    if profile:
        return by_profile(picture, profile)
    return picture.convert("RGB")


def by_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """A profile that cannot be used is ignored. One equal to sRGB by its colours leaves the picture alone."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        picture = in_space(picture, source.profile.xcolor_space.strip())
        change = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), picture.mode, "RGB")
        return picture.convert("RGB") if changes_nothing(change, picture.mode) else change.apply(picture)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB")


def in_space(picture: Image.Image, space: str) -> Image.Image:
    """A grey picture with a profile for RGB becomes RGB; one that is stored as RGB becomes grey."""
    if space == "RGB" and picture.mode == "L":
        return picture.convert("RGB")
    return picture.getchannel("R") if space == "GRAY" and is_grey(picture) else picture


def is_grey(picture: Image.Image) -> bool:
    if picture.mode != "RGB":
        return False
    red, green, blue = picture.split()
    return not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))


def changes_nothing(change: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Compares colours from all over the cube, and all greys, before and after."""
    if mode not in ("L", "RGB"):
        return False
    before = probe().convert(mode)
    after = change.apply(before)
    apart = ImageChops.difference(before.convert("RGB"), after)
    return max(high for _low, high in apart.getextrema()) <= NEAR  # type: ignore[misc]


def probe() -> Image.Image:
    """RGB with 256 greys and 9 x 9 x 9 colours."""
    steps = [round(step * 255 / 8) for step in range(9)]
    colours = [(red, green, blue) for red in steps for green in steps for blue in steps]
    whole = [(grey, grey, grey) for grey in range(256)] + colours
    image = Image.new("RGB", (len(whole), 1))
    image.putdata(whole)
    return image


def coded_in(profile: bytes) -> Coding | None:
    """PQ or HLG told by the tag cicp of ICC.1:2022, 9.2.17. Their own curves know no diffuse white."""
    count = min(int.from_bytes(profile[HEADER : HEADER + 4], "big"), MOST_TAGS)
    for at in range(HEADER + 4, HEADER + 4 + count * ENTRY, ENTRY):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8], "big") + 8
            codes = profile[start : start + 2]
            coding = primaries.by_code(*codes) if len(codes) == 2 else None
            return coding if coding and coding.curve in ("pq", "hlg") else None
    return None
