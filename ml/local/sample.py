"""Samples pictures from prompts. Sampled one at a time, a seed always gives the same pixels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from ml.catalogue import Base, steps_of
from ml.local.families import Text, encode_text, family_of
from ml.types import RenderSpec

TEXTS = 64  # encodings kept on the accelerator, each 2 MB for FLUX.1, 8 MB for FLUX.2 klein


class Sampler:
    """Samples pictures with a loaded pipeline; keeps the encodings of the most recent texts."""

    def __init__(self, pipe: Any, base: Base):
        self.pipe, self.base = pipe, base
        self._texts: OrderedDict[str, Text] = OrderedDict()

    def _encode(self, text: str) -> Text:
        if text not in self._texts:
            self._texts[text] = encode_text(self.pipe, self.base, text)
        self._texts.move_to_end(text)
        while len(self._texts) > TEXTS:
            self._texts.popitem(last=False)
        return self._texts[text]

    def _all(self, texts: Sequence[str]) -> Text:
        return tuple(torch.cat(parts) for parts in zip(*map(self._encode, texts)))

    def sample(
        self, text: str, *, size: tuple[int, int], steps: int, seed: int, negative: str = ""
    ) -> np.ndarray:
        """(H, W, 3) uint8 at the rendered `size` (width, height), each a multiple of 16."""
        return self.sample_batch((text,), size=size, steps=steps, seeds=(seed,), negative=negative)[0]

    @torch.no_grad()
    def sample_batch(
        self,
        texts: Sequence[str],
        *,
        size: tuple[int, int],
        steps: int,
        seeds: Sequence[int],
        negative: str = "",
    ) -> np.ndarray:
        """(N, H, W, 3) uint8, one per text and seed, in one pass. The last bits differ from sampling one at
        a time."""
        away = self._all([negative] * len(texts)) if self.base.true_cfg > 1 else None
        made = self.pipe(
            **family_of(self.base).arguments(self._all(texts), away, self.base.true_cfg),
            width=size[0],
            height=size[1],
            num_inference_steps=steps,
            output_type="np",
            return_dict=False,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        )[0]
        return (np.clip(made, 0, 1) * 255 + 0.5).astype(np.uint8)

    def steps(self, spec: RenderSpec) -> int:
        return steps_of(self.base, spec.quality, spec.steps)

    def enlarge(self, picture: np.ndarray) -> np.ndarray:
        """The picture at the delivered size."""
        k = self.base.sizes.enlarge
        return picture if k == 1 else cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_LANCZOS4)
