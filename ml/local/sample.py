"""Samples pictures from prompts. Sampled one at a time, a seed always gives the same pixels.

A sampled picture is first `Raw`: latents where the base has a decoder of its own (ml/nets/decoder.py), which
draws the picture at the delivered size; else a picture at the rendered size, which is only enlarged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from ml.catalogue import Base, steps_of
from ml.drawn.asked import asked
from ml.drawn.drawing import Drawing
from ml.drawn.portraits import draw
from ml.local.families import Text, encode_text, family_of
from ml.local.latents import unpack
from ml.nets.redrawing import KnownPerson
from ml.types import RenderSpec

Raw = np.ndarray | torch.Tensor  # (H, W, 3) uint8, or latents (16, h, w)

TEXTS = 64  # encodings kept on the accelerator, each 2 MB for FLUX.1, 8 MB for FLUX.2 klein


class Made(NamedTuple):
    """A picture (H, W, 3) uint8 at the delivered size, and what it is a drawing of, if it is one."""

    picture: np.ndarray
    drawing: Drawing | None = None


class Sampler:
    """Samples pictures with a loaded pipeline; keeps the encodings of the most recent texts. `person`: whom
    the loaded twin draws, where that is known. `somebody`: whether it matters who is seen; without a twin a
    picture is ready in half the time."""

    def __init__(self, pipe: Any, base: Base):
        self.pipe, self.base = pipe, base
        self.person: KnownPerson | None = None
        self.somebody = True
        self.decoder = getattr(pipe, "own_decoder", None)
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

    def delivered(self, text: str, *, size: tuple[int, int], steps: int, seed: int) -> np.ndarray:
        """The picture of the rendered `size`, at the delivered size."""
        raw = self.raw_batch((text,), size=size, steps=steps, seeds=(seed,))[0]
        return self.deliver(raw, seed, text).picture

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
        raws = self.raw_batch(texts, size=size, steps=steps, seeds=seeds, negative=negative)
        return np.stack([self.small(raw) for raw in raws])

    @torch.no_grad()
    def raw_batch(
        self,
        texts: Sequence[str],
        *,
        size: tuple[int, int],
        steps: int,
        seeds: Sequence[int],
        negative: str = "",
    ) -> list[Raw]:
        """As sample_batch, for `small` or `deliver`."""
        family, channels = family_of(self.base), self.pipe.transformer.config.in_channels
        noise = torch.cat([family.noise(size, channels, seed) for seed in seeds])
        return self.flow(noise, family.times(noise.shape[1], steps), self.guiding(texts, negative), size=size)

    def guiding(self, texts: Sequence[str], negative: str) -> Text:
        """The texts' encodings; where the base is guided, then as often the negative prompt's."""
        away = [negative] * len(texts) if self.base.true_cfg > 1 else []
        return self._all([*texts, *away])

    @torch.no_grad()
    def flow(
        self,
        x: torch.Tensor,
        times: torch.Tensor,
        text: Text,
        *,
        size: tuple[int, int],
        after: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    ) -> list[Raw]:
        """Leads tokens x (B, n, C) from the first of the times to the last, by Euler's steps, as the
        pipeline does. `text`: see `guiding`. `after`: changes the tokens after each step, at its time."""
        x = x.to(self.pipe.transformer.device)
        for now, then in zip(times[:-1], times[1:]):
            x = x + (then - now) * self._velocity(x, now, text, size)
            x = after(x, then) if after else x
        if self.decoder:
            return list(unpack(x, size[1] // 8, size[0] // 8))
        return list(to_levels(channels_last(family_of(self.base).decode(self.pipe, x, size))))

    def _velocity(self, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]) -> torch.Tensor:
        """(B, n, C). Guided in one pass of both texts, which takes three quarters of the time of two."""
        dtype, both = text[0].dtype, len(text[0]) // len(x)  # dtype: the pipeline's; 8 bits have another
        now, tokens = t.to(x.device).expand(len(text[0])).to(dtype), torch.cat([x] * both).to(dtype)
        found = family_of(self.base).velocity(self.pipe.transformer, tokens, now, text, size).float()
        if both == 1:
            return found
        asked, away = found.chunk(2)
        return away + self.base.true_cfg * (asked - away)

    @torch.no_grad()
    def small(self, raw: Raw) -> np.ndarray:
        """The picture at the rendered size; of latents, by the base's VAE."""
        if isinstance(raw, np.ndarray):
            return raw
        vae = self.pipe.vae
        z = raw[None] / vae.config.scaling_factor + vae.config.shift_factor
        return to_levels(channels_last(vae.decode(z.to(vae.dtype)).sample))[0]

    def deliver(self, raw: Raw, seed: int = 0, text: str = "", *, begun: bool = False) -> Made:
        """The picture at the delivered size, sampled from this text with this seed. `begun`: from another
        picture."""
        small = self.small(raw)
        if isinstance(raw, np.ndarray):
            return Made(self.enlarge(small))
        assert self.decoder is not None  # nothing else makes latents of a picture
        known, somebody = self.person, self.somebody
        drawing = self.decoder.drawing(raw, small, seed, known, asked(text), begun=begun, somebody=somebody)
        if drawing is None:
            return Made(self.enlarge(small))
        k, (height, width) = self.base.sizes.enlarge, small.shape[:2]
        person, scene = drawing
        return Made(draw(person, scene, k * height, k * width), drawing)

    def exact(self, raw: Raw) -> np.ndarray:
        """The same, pixel for pixel where the VAE puts it: for a part that is laid into another picture."""
        return self.enlarge(self.small(raw))

    def steps(self, spec: RenderSpec) -> int:
        return steps_of(self.base, spec.quality, spec.steps)

    def enlarge(self, picture: np.ndarray) -> np.ndarray:
        """A picture of the rendered size, enlarged to the delivered size."""
        k = self.base.sizes.enlarge
        return picture if k == 1 else cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_LANCZOS4)


def channels_last(made: torch.Tensor) -> np.ndarray:
    """(B, 3, H, W) in -1..1 -> (B, H, W, 3) in 0..1."""
    return (made.float() * 0.5 + 0.5).permute(0, 2, 3, 1).cpu().numpy()


def to_levels(made: np.ndarray) -> np.ndarray:
    """0..1, clipped -> uint8."""
    return (np.clip(made, 0, 1) * 255 + 0.5).astype(np.uint8)
