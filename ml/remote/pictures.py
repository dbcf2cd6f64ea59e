"""Pictures from fal: all of one job are asked for at once, and each is fetched as soon as it is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ml.catalogue import Base, steps_of
from ml.errors import Away, MLError
from ml.prompts import compose
from ml.remote import lora
from ml.remote.courier import Courier, Rule
from ml.remote.failures import failure
from ml.remote.http import MOST_PICTURE, WHOLE_SECONDS
from ml.types import Request

# 10 minutes until it counts as lost, 9 of them to start; the picture stays there for an hour.
RULE = Rule(deadline=600, start=540, keep=3600, look=5, unanswered=60, again=True)
# A LoRA is sent once an hour. It counts as there for a quarter of an hour less, so that it outlives every
# picture that was asked for with it.
COPY_SECONDS, COPY_COUNTS = 3600, 2700


Fetch = Callable[[], bytes]  # the picture's bytes, or MLError
Ready = Callable[[], Fetch]  # waits until the picture is there, or MLError


@dataclass(frozen=True)
class Wanted:
    """One picture. `work` is its name in the journal. `steps` None: those of `quality`."""

    work: str
    prompt: str
    style: str
    seed: int
    aspect: str = "1:1"
    quality: str = "standard"
    steps: int | None = None
    era: str = ""


@dataclass
class FalPictures:
    """`large` guards the memory for LoRA files."""

    base: Base
    courier: Courier
    large: AbstractContextManager[Any]

    def render(self, wanted: Sequence[Wanted], subject: str, lora_url: str) -> Iterator[tuple[Wanted, Ready]]:
        """Each picture with a function that waits for it."""
        begun: list[tuple[Wanted, Ready]] = []
        for one in wanted:
            try:
                request = self.courier.start(
                    one.work, self.base.source, RULE, partial(self._ask, one, subject, lora_url)
                )
                begun.append((one, partial(self._ready, request)))
            except Away:
                raise
            except MLError as e:
                begun.append((one, partial(_raise, e)))
                if e.code != "result_refused":
                    break  # the others would meet the same
        yield from begun

    def _ask(self, one: Wanted, subject: str, lora_url: str) -> Mapping[str, Any]:
        width, height = self.base.sizes.by_aspect[one.aspect]
        return {
            "prompt": compose(one.prompt, one.style, subject, twin=bool(lora_url), era=one.era),
            "image_size": {"width": width, "height": height},
            "num_inference_steps": steps_of(self.base, one.quality, one.steps),
            "num_images": 1,
            "seed": one.seed,
            "output_format": "png",
            "enable_safety_checker": True,
        } | ({"loras": [{"path": lora_url, "scale": 1}]} if lora_url else {})

    def _ready(self, request: Request) -> Fetch:
        return partial(self._fetch, request, self.courier.output(request, RULE))

    def _fetch(self, request: Request, output: Mapping[str, Any]) -> bytes:
        def fetch() -> bytes:
            url = self._address(output)
            return self.courier.fetch(request, RULE, url, MOST_PICTURE, seconds=WHOLE_SECONDS)

        return self.courier.deliver(request, fetch)

    def _address(self, output: Mapping[str, Any]) -> str:
        """MLError `result_refused` for a picture that they flagged: it is black."""
        images, flags = output.get("images"), output.get("has_nsfw_concepts")
        if isinstance(flags, list) and any(flag is True for flag in flags):
            raise failure(self.base.service, "result_refused")
        image = images[0] if isinstance(images, list) and images else None
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(url, str):
            raise failure(self.base.service, "result_bad")
        return url

    def copy_of(self, name: str, read: Callable[[], bytes]) -> str:
        """The address of a LoRA there; it is sent unless one is there. What is sent has no facts in it."""
        journal, service = self.courier.journal, self.base.service
        if url := journal.copy(service, name):
            return url
        there = f"{secrets.token_hex(8)}.safetensors"
        with self.large:
            data = lora.without_facts(read())
            url = self.courier.upload(data, mime="application/octet-stream", name=there, seconds=COPY_SECONDS)
        journal.copied(service, name, url, COPY_COUNTS)
        return url


def _raise(error: MLError) -> Fetch:
    raise error
