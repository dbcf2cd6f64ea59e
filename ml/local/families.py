"""The code that differs between FLUX.1 and FLUX.2: text, latents, positions.

B batch, H W pixels, n = H/16 * W/16 tokens of a picture, C channels of a token. t is 0 (picture) .. 1
(noise)."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch

from ml.catalogue import Base
from ml.local.latents import image_ids, pack, unpack

Text = tuple[torch.Tensor, ...]  # an encoded prompt, each part (1, ...)


class Family(Protocol):
    """The functions of a family; `FAMILIES` finds them by the name of a `catalogue.Layout`."""

    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """One prompt, padded to `tokens`."""
        ...

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in -1..1 -> tokens (B, n, C), shifted and scaled as the transformer needs them."""
        ...

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        """The model's velocity (B, n, C) for tokens x (B, n, C) at times t (B,); `size` is (width, height) in
        pixels."""
        ...

    def noise(self, size: tuple[int, int], channels: int, seed: int) -> torch.Tensor:
        """Tokens (1, n, C) of the noise that the pipeline begins from with this seed."""
        ...

    def times(self, tokens: int, steps: int) -> torch.Tensor:
        """(steps + 1,) the times of the pipeline's steps for so many tokens: from 1 to 0."""
        ...

    def decode(self, pipe: Any, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Tokens (B, n, C) as encode_picture makes them -> pictures (B, 3, H, W) in -1..1, not clipped."""
        ...


class Flux1:
    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """T5's sequence (1, tokens, D) and CLIP's pooled vector (1, P)."""
        device = pipe.text_encoder.device
        return tuple(
            pipe.encode_prompt(prompt=text, prompt_2=None, device=device, max_sequence_length=tokens)[:2]
        )

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        z = pipe.vae.encode(pixels.to(pipe.vae.dtype)).latent_dist.mode()
        return pack((z - pipe.vae.config.shift_factor) * pipe.vae.config.scaling_factor)

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        sequence, pooled = text
        return transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=sequence,
            pooled_projections=pooled,
            txt_ids=x.new_zeros(sequence.shape[1], 3),
            img_ids=image_ids(size[1] // 8, size[0] // 8, str(x.device)),
            return_dict=False,
        )[0]

    def noise(self, size: tuple[int, int], channels: int, seed: int) -> torch.Tensor:
        shape = (1, channels // 4, size[1] // 8, size[0] // 8)
        return pack(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))

    def times(self, tokens: int, steps: int) -> torch.Tensor:
        return torch.linspace(1, 0, steps + 1)

    def decode(self, pipe: Any, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        z = unpack(x, size[1] // 8, size[0] // 8)
        z = z / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor
        return pipe.vae.decode(z.to(pipe.vae.dtype)).sample


class Flux2:
    """FLUX.2 klein: Qwen3 encodes the text; positions are (time, row, column, place in the text)."""

    def encode_text(self, pipe: Any, text: str, tokens: int) -> Text:
        """Three of Qwen3's layers, concatenated: (1, tokens, 3 D)."""
        return (
            pipe.encode_prompt(prompt=text, device=pipe.text_encoder.device, max_sequence_length=tokens)[0],
        )

    def encode_picture(self, pipe: Any, pixels: torch.Tensor) -> torch.Tensor:
        z = pipe.vae.encode(pixels.to(pipe.vae.dtype)).latent_dist.mode()
        z = pipe._patchify_latents(z)
        mean, spread = _norm(pipe.vae, z)
        return pipe._pack_latents((z - mean) / spread)

    def velocity(
        self, transformer: Any, x: torch.Tensor, t: torch.Tensor, text: Text, size: tuple[int, int]
    ) -> torch.Tensor:
        return transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=text[0],
            guidance=None,
            return_dict=False,
            txt_ids=_positions(1, 1, text[0].shape[1], x.device),
            img_ids=_positions(size[1] // 16, size[0] // 16, 1, x.device),
        )[0]

    def noise(self, size: tuple[int, int], channels: int, seed: int) -> torch.Tensor:
        shape = (1, channels, size[1] // 16, size[0] // 16)
        made = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        return made.flatten(2).transpose(1, 2)

    def times(self, tokens: int, steps: int) -> torch.Tensor:
        """Shifted towards noise, the more the larger the picture."""
        from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

        t = torch.linspace(1, 1 / steps, steps)
        shifted = 1 / (1 + math.exp(-compute_empirical_mu(tokens, steps)) * (1 / t - 1))
        return torch.cat([shifted, torch.zeros(1)])

    def decode(self, pipe: Any, x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        z = x.transpose(1, 2).unflatten(2, (size[1] // 16, size[0] // 16)).to(pipe.vae.dtype)
        mean, spread = _norm(pipe.vae, z)
        return pipe.vae.decode(pipe._unpatchify_latents(z * spread + mean), return_dict=False)[0]


def _norm(vae: Any, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread of FLUX.2's latents by channel, (1, C, 1, 1) each."""
    spread = (vae.bn.running_var + vae.config.batch_norm_eps).sqrt()
    return vae.bn.running_mean.view(1, -1, 1, 1).to(z), spread.view(1, -1, 1, 1).to(z)


def _positions(rows: int, columns: int, words: int, device: torch.device) -> torch.Tensor:
    """(1, rows * columns * words, 4): time, row, column and place in the text of each token."""
    axes = (torch.arange(k, device=device) for k in (1, rows, columns, words))
    return torch.cartesian_prod(*axes)[None]


FAMILIES: dict[str, Family] = {"flux1": Flux1(), "flux2": Flux2()}


def family_of(base: Base) -> Family:
    return FAMILIES[base.layout.name]


@torch.no_grad()
def encode_text(pipe: Any, base: Base, text: str) -> Text:
    """One prompt, padded to the base's length, on the transformer's device."""
    reader = getattr(pipe, "reader", pipe)
    found = family_of(base).encode_text(reader, text.lower() if base.lowercase else text, base.tokens)
    return tuple(part.to(pipe.transformer.device) for part in found)


@torch.no_grad()
def encode_picture(pipe: Any, base: Base, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in -1..1 -> tokens (B, n, C)."""
    return family_of(base).encode_picture(pipe, pixels)
