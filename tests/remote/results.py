"""What fal's models answer: a LoRA for a ZIP of photos, pictures for a prompt; and how they go wrong."""

from __future__ import annotations

import hashlib
import json
import math
import urllib.request
from collections.abc import Callable
from typing import Any

from PIL import Image

from . import made
from .book import Book
from .contract import CLIPS, FAL_MODELS, IMAGE_SIZES, TRAINER, check_form, fal_detail
from .people import Artist
from .runs import Run
from .shelf import FAULTS, METADATA_SERVICE, Shelf, data_uri
from .storage import life_of

WEEK = 7 * 86400.0  # seconds that results are kept without a wish
Row = dict[str, Any]
POLICY = "The content could not be processed because it contained material flagged by a content checker."


class ModelRefused(Exception):
    """The model answers 422 with these details."""

    def __init__(self, *detail: Row) -> None:
        super().__init__(detail)
        self.detail = list(detail)


def refused(field: str, said: str, kind: str, given: Any = None) -> ModelRefused:
    return ModelRefused(fal_detail([field], said, kind, given))


class Maker:
    def __init__(self, shelf: Shelf, book: Book, artist: Artist, address: Callable[[], str]) -> None:
        self.shelf, self.book, self.artist, self.address = shelf, book, artist, address

    def make(self, run: Run) -> Row:
        faults = check_form(run.input, *FAL_MODELS[run.model])
        if faults:
            raise ModelRefused(*(fal_detail(place, said, kind) for place, said, kind in faults))
        self._suffer(run)
        return {TRAINER: self.train, CLIPS: self.move}.get(run.model, self.paint)(run)

    def _suffer(self, run: Run) -> None:
        field = "images_data_url" if run.model == TRAINER else "prompt"
        if run.scenario == "content_policy":
            raise refused(field, POLICY, "content_policy_violation", run.input.get(field))
        if run.scenario == "file_download":
            raise refused(field, "Failed to download the file", "file_download_error", run.input.get(field))

    # ---------------------------------------------------------------- training

    def train(self, run: Run) -> Row:
        field = "images_data_url"
        archive = self.read(run.input[field], field)
        width = made.OTHER_WIDTH if run.scenario == "other_base" else made.WIDTH
        data = made.lora(run.id.encode(), width=width)
        trigger = run.input.get("trigger_phrase", "")
        try:
            self.artist.learn(made.fingerprint(data), archive, trigger, run.advance)
        except ValueError as e:
            raise refused(field, str(e), "value_error", run.input[field]) from e
        config = json.dumps({"rank": made.RANK, "trigger_phrase": trigger}).encode()
        return {
            "diffusers_lora_file": self.file(run, data, "pytorch_lora_weights.safetensors"),
            "config_file": self.file(run, config, "config.json", faulty=False),
        }

    # ---------------------------------------------------------------- pictures

    def paint(self, run: Run) -> Row:
        wish = run.input
        seed = wish.get("seed", int(hashlib.sha256(run.id.encode()).hexdigest()[:8], 16))
        count, size = wish.get("num_images", 1), size_of(wish.get("image_size", "landscape_4_3"))
        names = [self.fingerprint(each["path"]) for each in wish.get("loras", [])] or [""]
        refused_one = run.scenario == "nsfw"
        images = [
            made.black(size) if refused_one else self.artist.paint(names[0], wish["prompt"], seed + i, size)
            for i in range(count)
        ]
        return {
            "images": [self.image(run, each) for each in images],
            "timings": {"inference": math.nan if run.scenario == "nan" else 1.5},
            "seed": seed,
            "has_nsfw_concepts": [refused_one] * count,
            "prompt": wish["prompt"],
        }

    def fingerprint(self, path: str) -> str:
        """That of the LoRA at this address."""
        try:
            return made.fingerprint(self.read(path, "loras"))
        except ValueError as e:
            raise refused("loras", f"Could not load the LoRA: {e}", "value_error", path) from e

    def image(self, run: Run, image: Image.Image) -> Row:
        kind = run.input.get("output_format", "jpeg")
        data = made.bomb() if run.scenario == "bomb" else made.encode(image, kind)
        if run.input.get("sync_mode"):
            row = {"url": data_uri(data, f"image/{kind}"), "content_type": f"image/{kind}"}
        else:
            row = self.file(run, data, f"{hashlib.sha256(data).hexdigest()[:20]}.{kind}", f"image/{kind}")
        return row | {"width": image.width, "height": image.height}

    # ---------------------------------------------------------------- clips

    def move(self, run: Run) -> Row:
        """The picture, which gets a little lighter and darker again; or it flickers, or ends too soon."""
        wish, flickers = run.input, run.scenario == "flickers"
        count = 17 if run.scenario == "short" else wish.get("num_frames", 81)
        data = self.read(wish["image_url"], "image_url")
        try:
            moving = made.clip(data, count, wish.get("frames_per_second", 24), flickers=flickers)
        except OSError as e:
            raise refused("image_url", "Could not load the image", "image_load_error") from e
        video = self.file(run, moving, "output.mp4", "video/mp4")
        return {"video": video, "seed": wish.get("seed", 0), "prompt": wish["prompt"]}

    # ---------------------------------------------------------------- files

    def file(
        self, run: Run, data: bytes, name: str, kind: str = "application/octet-stream", *, faulty: bool = True
    ) -> Row:
        """A result's file; with `faulty` it suffers the run's scenario."""
        fault = run.scenario if faulty and run.scenario in FAULTS else ""
        life = life_of(run.lifecycle, self.book.now(), WEEK)
        stored = self.shelf.put(data, name, kind, role="result", fault=fault, **life)
        url = self.address() + stored.path()
        if faulty and run.scenario == "private_address":
            url = METADATA_SERVICE
        size = len(data) + (1 if faulty and run.scenario == "wrong_size" else 0)
        return {"url": url, "content_type": kind, "file_name": name, "file_size": size}

    def read(self, url: str, field: str) -> bytes:
        """The bytes at an address: of a file here, or of another program on loopback."""
        if stored := self.shelf.at(url, self.book.now()):
            return stored.data
        data = download(url, self.book) if not url.startswith(self.address()) else None
        if data is None:
            raise refused(field, f"Failed to download the file from {url}", "file_download_error", url)
        return data


def size_of(wish: Any) -> tuple[int, int]:
    return (wish["width"], wish["height"]) if isinstance(wish, dict) else IMAGE_SIZES[wish]


def download(url: str, book: Book) -> bytes | None:
    """None when it cannot be read."""
    place, headers = book.there(url)
    try:
        with urllib.request.urlopen(urllib.request.Request(place, headers=headers), timeout=10) as answer:
            return answer.read(made.MOST_PHOTO)
    except (OSError, ValueError):
        return None
