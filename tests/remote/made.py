"""What the doubles make: small LoRAs of FLUX.1-dev's shape, and pictures drawn from the photos of a training.

A LoRA is recognised by its tensors, so it may get another header on its way.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ml.clips import encode as encode_clip
from ml.drawn.people import random_person, random_scene
from ml.drawn.portraits import draw

RANK, WIDTH, BLOCKS = 16, 3072, 2
OTHER_WIDTH = 2560  # of another base
LAYERS = ("attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0")
DRAWN_SIDE = 512  # px: drawings are made at most this large, then enlarged
PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
MOST_PHOTO = 64 << 20  # bytes


def lora(seed: bytes, *, width: int = WIDTH) -> bytes:
    """A well-formed LoRA in safetensors with diffusers' names, its content drawn from `seed`."""
    rng = np.random.default_rng(list(hashlib.sha256(seed).digest()))
    tensors = {}
    for block in range(BLOCKS):
        for layer in LAYERS:
            name = f"transformer.transformer_blocks.{block}.{layer}"
            tensors[f"{name}.lora_A.weight"] = rng.standard_normal((RANK, width), np.float32) * 0.01
            tensors[f"{name}.lora_B.weight"] = rng.standard_normal((width, RANK), np.float32) * 0.01
    return safetensors({name: values.astype(np.float16) for name, values in tensors.items()})


def safetensors(tensors: dict[str, np.ndarray]) -> bytes:
    header, parts, at = {}, [], 0
    for name, values in tensors.items():
        raw = values.tobytes()
        header[name] = {"dtype": "F16", "shape": list(values.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def fingerprint(data: bytes) -> str:
    """The sha256 of a LoRA's tensors, whatever its header says. ValueError when it is no safetensors."""
    if len(data) < 8:
        raise ValueError("no safetensors: too short")
    size = struct.unpack("<Q", data[:8])[0]
    try:
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        digest, body = hashlib.sha256(), memoryview(data)[8 + size :]
        for name, row in sorted(header.items()):
            start, end = row["data_offsets"]
            if not 0 <= start <= end <= len(body):
                raise ValueError("no safetensors: cut short")
            digest.update(json.dumps([name, row["dtype"], row["shape"]]).encode())
            digest.update(body[start:end])
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as e:
        raise ValueError("no safetensors: its header is broken") from e
    return digest.hexdigest()


def photos_of(archive: bytes) -> list[bytes]:
    """The pictures in a ZIP. ValueError when it is none, or holds none."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            rows = [row for row in file.infolist() if row.filename.lower().endswith(PHOTOS)]
            if any(row.file_size > MOST_PHOTO for row in rows):
                raise ValueError("a picture is too large")
            found = [file.read(row) for row in rows]
    except zipfile.BadZipFile as e:
        raise ValueError("the archive is no ZIP") from e
    if not found:
        raise ValueError("the archive holds no pictures")
    return found


def picture_of(photos: Sequence[bytes], seed: int, size: tuple[int, int]) -> Image.Image:
    """One of the photos, mirrored and recoloured by the seed: the same person in another picture."""
    rng = np.random.default_rng(seed)
    photo = Image.open(io.BytesIO(photos[int(rng.integers(len(photos)))])).convert("RGB")
    photo = ImageOps.exif_transpose(photo)
    if rng.random() < 0.5:
        photo = ImageOps.mirror(photo)
    gains = rng.uniform(0.93, 1.07, 3)
    photo = Image.merge("RGB", [band.point(lambda v, g=g: v * g) for band, g in zip(photo.split(), gains)])
    backdrop = photo.resize((32, 32)).filter(ImageFilter.GaussianBlur(4)).resize(size)
    inside = ImageOps.contain(photo, size, Image.Resampling.LANCZOS)
    backdrop.paste(inside, ((size[0] - inside.width) // 2, (size[1] - inside.height) // 2))
    return backdrop


def drawn(identity: int, seed: int, size: tuple[int, int]) -> Image.Image:
    """A drawn person; `identity` says who, `seed` the scene."""
    person = random_person(np.random.default_rng(identity))
    scene = random_scene(np.random.default_rng(seed), framed=True)
    scale = min(1.0, DRAWN_SIDE / max(size))
    small = draw(person, scene, round(size[1] * scale), round(size[0] * scale))
    return Image.fromarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))


def black(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size)


def with_strip(picture: Image.Image, text: str) -> Image.Image:
    """The picture with a strip below that says who made it, so that nobody takes it for the service's."""
    out, height = picture.copy(), max(14, picture.height // 24)
    pen = ImageDraw.Draw(out)
    pen.rectangle((0, out.height - height, out.width, out.height), fill=(20, 20, 20))
    pen.text((height // 3, out.height - height), text, fill=(255, 255, 255), font_size=height * 0.7)
    return out


def encode(picture: Image.Image, kind: str) -> bytes:
    """`kind` is jpeg or png."""
    out = io.BytesIO()
    picture.save(out, kind.upper(), **({"quality": 92} if kind == "jpeg" else {"compress_level": 1}))
    return out.getvalue()


def bomb() -> bytes:
    """A small PNG that says it is 30,000 pixels wide and high."""
    data = bytearray(encode(black((8, 8)), "png"))
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def clip(picture: bytes, count: int, fps: int, *, flickers: bool = False) -> bytes:
    """An MP4 of `count` frames of the picture, or of it and its negative by turns. Raises OSError for what is
    no picture."""
    with Image.open(io.BytesIO(picture)) as opened:
        still = np.asarray(opened.convert("RGB"), np.float32)
    if flickers:
        both = [still.astype(np.uint8), (255 - still).astype(np.uint8)]
        return encode_clip((both * count)[:count], fps)
    light = 1 + 0.05 * np.sin(np.linspace(0, np.pi, count))
    return encode_clip([np.clip(still * each, 0, 255).astype(np.uint8) for each in light], fps)
