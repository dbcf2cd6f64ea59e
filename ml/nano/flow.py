"""The nano base's transformer and text encoders, trained together: flow matching on cached latents.

Shapes: B batch, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64). t is 0 (picture) .. 1 (noise).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ml.local.flux import draw_times, image_ids, pack
from ml.nano.data import batches, load_all, words
from ml.nano.stage import Clock, Stage
from ml.nano.text import CLIP_TOKENS, TOKENS, new_clip, new_t5
from ml.nano.vae import to_range


def new_transformer(heads: int, head: int, double: int, single: int, text: int, pooled: int) -> Any:
    from diffusers import FluxTransformer2DModel

    quarter = head // 8 * 2
    model: Any = FluxTransformer2DModel(
        patch_size=1, in_channels=64, num_layers=double, num_single_layers=single, attention_head_dim=head,
        num_attention_heads=heads, joint_attention_dim=text, pooled_projection_dim=pooled, guidance_embeds=False,
        axes_dims_rope=(head - 2 * (3 * quarter // 2), 3 * quarter // 2, 3 * quarter // 2),
    )  # fmt: skip
    # Every block starts as the identity and the output as zero (adaLN-zero).
    for name, p in model.named_parameters():
        if "norm" in name and ".linear." in name or name.startswith("proj_out"):
            nn.init.zeros_(p)
    return model


@torch.no_grad()
def cache_latents(vae: Any, work: Path, device: str) -> dict[int, tuple[np.ndarray, torch.Tensor]]:
    """bucket -> (numbers, latents (N, 16, h, w) half precision, centred and scaled by the codec's two figures)."""
    path = work / "latents.pt"
    if not path.exists():
        out = {}
        for b, (numbers, pictures) in load_all(work / "pictures").items():
            parts = []
            for i in range(0, len(pictures), 64):
                with torch.autocast(torch.device(device).type, torch.bfloat16):
                    parts.append(vae.encode(to_range(pictures[i : i + 64], device)).latent_dist.mode().float().cpu())
            out[b] = (torch.from_numpy(numbers), torch.cat(parts))
        every = torch.cat([z.flatten() for _, z in out.values()])
        shift, scale = float(every.mean()), 1 / float(every.std())
        torch.save(
            {
                "z": {b: (n, ((z - shift) * scale).half()) for b, (n, z) in out.items()},
                "shift": shift,
                "scale": scale,
            },
            path,
        )
    saved = torch.load(path, weights_only=True)
    vae.register_to_config(shift_factor=saved["shift"], scaling_factor=saved["scale"])
    return {b: (n.numpy(), z) for b, (n, z) in saved["z"].items()}


class Painter(nn.Module):
    """Transformer and text encoders as one module, so that one stage trains them."""

    def __init__(self, transformer: Any, t5: Any, clip: Any):
        super().__init__()
        self.transformer, self.t5, self.clip = transformer, t5, clip

    def forward(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        ids: torch.Tensor,
        t5_ids: torch.Tensor,
        clip_ids: torch.Tensor,
    ) -> torch.Tensor:
        """x (B, n, 64), t (B,), ids (n, 3), t5_ids (B, TOKENS), clip_ids (B, CLIP_TOKENS) -> velocity (B, n, 64)."""
        sequence = self.t5(t5_ids)[0]
        pooled = self.clip(clip_ids).pooler_output
        text_ids = torch.zeros(sequence.shape[1], 3, device=x.device)
        return self.transformer(
            hidden_states=x, timestep=t, encoder_hidden_states=sequence, pooled_projections=pooled, txt_ids=text_ids,
            img_ids=ids, return_dict=False,
        )[0]  # fmt: skip


def new_painter(shape: dict[str, int], t5_tokenizer: Any, clip_tokenizer: Any) -> Painter:
    text, pooled = shape["text"], shape["pooled"]
    transformer = new_transformer(shape["heads"], shape["head"], shape["double"], shape["single"], text, pooled)
    t5 = new_t5(len(t5_tokenizer), text)
    c = clip_tokenizer
    return Painter(transformer, t5, new_clip(len(c), pooled, c.eos_token_id, c.pad_token_id, c.bos_token_id))


def tokens(tokenizer: Any, texts: list[str], length: int) -> torch.Tensor:
    return tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids


def train_flow(work: Path, vae: Any, tokenizers: tuple[Any, Any], clock: Clock, *, shape: dict[str, int], steps: int,
               batch: int, rate: float, device: str, seed: int = 1) -> Painter | None:  # fmt: skip
    """None when stopped before the end."""
    torch.manual_seed(seed)
    t5_tokenizer, clip_tokenizer = tokenizers
    painter = new_painter(shape, t5_tokenizer, clip_tokenizer).to(device)
    cached = cache_latents(vae, work, device)
    stage = Stage(work / "flow.pt", painter, rate=rate, total=steps)
    sizes = {b: len(n) for b, (n, _) in cached.items()}
    per_epoch = sum(n // batch for n in sizes.values())

    def plan() -> Any:
        epoch = stage.step // per_epoch
        skip = stage.step % per_epoch
        while True:
            for k, (bucket, rows) in enumerate(batches(sizes, batch, np.random.default_rng([seed, epoch]))):
                if k >= skip:
                    yield epoch, bucket, rows
            epoch, skip = epoch + 1, 0

    work_list = plan()

    def loss_of(step: int) -> torch.Tensor:
        epoch, bucket, rows = next(work_list)
        numbers, latents = cached[bucket]
        texts = [words(int(n), epoch) for n in numbers[rows]]
        z = latents[torch.from_numpy(rows)].to(device).float()
        g = torch.Generator().manual_seed(seed * 1_000_003 + step)
        noise = torch.randn(z.shape, generator=g).to(device)
        t = draw_times(batch, g).to(device)
        x = (1 - t[:, None, None, None]) * z + t[:, None, None, None] * noise
        t5_ids = tokens(t5_tokenizer, texts, TOKENS).to(device)
        clip_ids = tokens(clip_tokenizer, texts, CLIP_TOKENS).to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            v = painter(pack(x), t, image_ids(z.shape[2], z.shape[3], device), t5_ids, clip_ids)
        return (v.float() - pack(noise - z)).pow(2).mean()

    return stage.load_mean() if stage.run(loss_of, clock) else None  # type: ignore[return-value]
