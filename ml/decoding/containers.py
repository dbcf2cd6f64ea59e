"""WebP and HEIC, whose libraries ignore what they do not know; and what only rare formats need."""

from __future__ import annotations

from ml.decoding import primaries
from ml.decoding.source import Refused, Source, exif_of, open_as


def read_webp(data: bytes) -> Source:
    picture = open_as(data, "WEBP")
    if getattr(picture, "is_animated", False):
        raise Refused("unsupported_format")
    turn, adobe = exif_of(picture.info.get("exif", b"").removeprefix(b"Exif\0\0"))
    profile = picture.info.get("icc_profile")
    return Source(picture, profile, primaries.ADOBE_RGB if adobe and not profile else None, turn)


def read_tiff(data: bytes) -> Source:
    from ml.decoding import tiff

    return tiff.read(data)


def read_heif(data: bytes) -> Source:
    """The primary picture alone: an embedded thumbnail may show something else. libheif turns it upright."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    picture = open_as(data, "HEIF")
    nclx = picture.info.get("nclx_profile") or {}
    coding = primaries.by_code(nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
    return Source(picture, picture.info.get("icc_profile"), coding)
