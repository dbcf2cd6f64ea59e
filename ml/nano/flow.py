"""The nano base's transformer, trained by flow matching on cached latents and texts that its encoders read already.

Shapes: B batch, h w latent cells (H/8, W/8): latents (B, 16, h, w) -> packed (B, h*w/4, 64). t is 0 (picture) .. 1 (noise).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from ml.local.attention import short_attention
from ml.local.latents import image_ids, pack, unpack
from ml.local.precision import mixed
from ml.local.times import draw_times, step_ahead
from ml.nano import critic
from ml.nano.data import TRIGGER, batches, face_map, load_all, words
from ml.nano.stage import Clock, Stage
from ml.nano.text import CLIP_TOKENS, TOKENS, new_clip, new_t5, tokens
from ml.nano.vae import even_out, evening, to_range


def new_transformer(heads: int, head: int, double: int, single: int, text: int, pooled: int) -> Any:
    from diffusers import FluxTransformer2DModel

    quarter = head // 8 * 2
    model: Any = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=head,
        num_attention_heads=heads,
        joint_attention_dim=text,
        pooled_projection_dim=pooled,
        guidance_embeds=False,
        axes_dims_rope=(head - 2 * (3 * quarter // 2), 3 * quarter // 2, 3 * quarter // 2),
    )
    # Every block starts as the identity and the output as zero (adaLN-zero).
    for name, p in model.named_parameters():
        if "norm" in name and ".linear." in name or name.startswith("proj_out"):
            nn.init.zeros_(p)
    return model


@torch.no_grad()
def cache_latents(
    vae: Any, work: Path, last: int, device: str, *, even: bool = True
) -> dict[int, tuple[np.ndarray, torch.Tensor]]:
    """bucket -> (numbers, latents (N, 16, h, w) half precision) of pictures 0..last-1, as the evened-out codec gives them.

    The codec is evened out here, also when the latents were there already; without `even` it is one that was, and stays.
    """
    path, codec = work / "latents.pt", float(vae.encoder.conv_out.weight.detach().abs().sum())
    saved = torch.load(path, weights_only=True) if path.exists() else {}
    if saved.get("codec") != codec:  # none, or another codec's
        out = {}
        for b, (numbers, pictures) in load_all(work / "pictures", 0, last).items():
            parts = []
            for i in range(0, len(pictures), 64):
                with mixed(device):
                    parts.append(
                        vae.encode(to_range(pictures[i : i + 64], device)).latent_dist.mode().float().cpu()
                    )
            out[b] = (torch.from_numpy(numbers), torch.cat(parts))
        turn, middle = torch.eye(16), torch.zeros(16)
        if even:
            turn, middle = evening(torch.cat([z.transpose(0, 1).flatten(1) for _, z in out.values()], 1))
        halves = {
            b: (n, torch.einsum("ij,njhw->nihw", turn, z - middle[:, None, None]).half())
            for b, (n, z) in out.items()
        }
        aside = path.with_suffix(".tmp")
        saved = {"z": halves, "turn": turn, "middle": middle, "codec": codec}
        torch.save(saved, aside)
        aside.rename(path)
        (work / "critic.pt").unlink(missing_ok=True)  # learnt from other latents
    even_out(vae, saved["turn"], saved["middle"])
    return {b: (n.numpy(), z) for b, (n, z) in saved["z"].items()}


APART, WRONG = 0.5, 0.015  # weights of the critic's two measures: at first about the flow's own gradient
LEAST = 0.1  # t below which an error of the guess weighs no more: what a velocity is off there nobody sees
ASKED = 0.3  # share of the steps that look at the first moments of painting alone


class Painter(nn.Module):
    """The transformer and the text encoders it paints by."""

    def __init__(self, transformer: Any, t5: Any, clip: Any):
        super().__init__()
        self.transformer, self.t5, self.clip = transformer, t5, clip

    @torch.no_grad()
    def read(self, t5_ids: torch.Tensor, clip_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """t5_ids (B, TOKENS), clip_ids (B, CLIP_TOKENS) -> sequence (B, TOKENS, d), pooled (B, d)."""
        return self.t5(t5_ids)[0], self.clip(clip_ids).pooler_output

    def forward(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        ids: torch.Tensor,
        sequence: torch.Tensor,
        pooled: torch.Tensor,
    ) -> torch.Tensor:
        """x (B, n, 64), t (B,), ids (n, 3) -> velocity (B, n, 64)."""
        text_ids = torch.zeros(sequence.shape[1], 3, device=x.device)
        return self.transformer(
            hidden_states=x,
            timestep=t,
            encoder_hidden_states=sequence,
            pooled_projections=pooled,
            txt_ids=text_ids,
            img_ids=ids,
            return_dict=False,
        )[0]


def across(t: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return t[:, None, None, None]


def new_painter(shape: dict[str, int], t5_tokenizer: Any, clip_tokenizer: Any, seed: int = 1) -> Painter:
    torch.manual_seed(seed)
    text, pooled = shape["text"], shape["pooled"]
    transformer = new_transformer(
        shape["heads"], shape["head"], shape["double"], shape["single"], text, pooled
    )
    t5 = new_t5(len(t5_tokenizer), text)
    c = clip_tokenizer
    return Painter(transformer, t5, new_clip(len(c), pooled, c.eos_token_id, c.pad_token_id, c.bos_token_id))


class Batches(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Batch number `step`: (bucket, rows, T5 tokens, CLIP tokens), made from its number alone, so by any worker."""

    def __init__(self, numbers: dict[int, np.ndarray], pair: tuple[Any, Any], size: int, seed: int):
        self.numbers, self.pair, self.size, self.seed = numbers, pair, size, seed
        self.sizes = {b: len(n) for b, n in numbers.items()}
        self.per_epoch = sum(n // size for n in self.sizes.values())
        self._plan: tuple[int, list[tuple[int, np.ndarray]]] = (-1, [])

    def __getitem__(self, step: int) -> tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]:
        epoch = step // self.per_epoch
        if self._plan[0] != epoch:
            self._plan = epoch, batches(self.sizes, self.size, np.random.default_rng([self.seed, epoch]))
        bucket, rows = self._plan[1][step % self.per_epoch]
        texts = [words(int(n), epoch) for n in self.numbers[bucket][rows]]
        t5, clip = tokens(self.pair[0], texts, TOKENS), tokens(self.pair[1], texts, CLIP_TOKENS)
        return bucket, torch.from_numpy(rows), t5, clip


def train_flow(
    work: Path,
    cached: dict[int, tuple[np.ndarray, torch.Tensor]],
    painter: Painter,
    pair: tuple[Any, Any],
    clock: Clock,
    *,
    steps: int,
    batch: int,
    rate: float,
    device: str,
    compiled: bool = False,
    fit: bool = False,
    seed: int = 1,
    by: critic.Critic | None = None,
) -> Painter | None:
    """The transformer of `painter`, on latents from cache_latents, weighed also `by` a critic; the encoders stay. None when stopped
    before the end. Once the first moments are learnt, every second batch is where sampling itself comes by: the painter's own step
    from a noisy picture, so that it learns to mend what it did. `compiled` compiles the two largest buckets: worth its minutes in a long run
    only. With `fit`, `steps` are the most, and as many are taken as the clock has time for."""
    painter = painter.to(device).eval()
    # All of it lies on the device, a gigabyte at most: a copy each step would make it wait for the processor.
    held = {b: z.to(device) for b, (_, z) in cached.items()}
    weights = {
        b: face_map(n, z.shape[2] // 2, z.shape[3] // 2).flatten(1).to(device) for b, (n, z) in cached.items()
    }
    shows = {b: critic.all_labels(n).to(device) for b, (n, _) in cached.items()} if by else {}
    stage = Stage(
        work / "flow.pt",
        painter.transformer,
        rate=rate,
        total=steps,
        cooldown=0.7,
        hidden=lambda n: "blocks." in n,
        hidden_rate=rate * 2.7,
        fit=fit,
    )
    fast: Any = torch.compile(painter, dynamic=False) if compiled else painter
    trigger = int(tokens(pair[0], [TRIGGER], TOKENS)[0, 0])
    data = Batches({b: n for b, (n, _) in cached.items()}, pair, batch, seed)
    workers = 0 if device == "cpu" else max((os.cpu_count() or 2) - 2, 1)
    loader = iter(
        DataLoader(
            data,
            batch_size=None,
            sampler=range(stage.step, steps),
            num_workers=workers,
            pin_memory=workers > 0,
        )
    )

    def loss_of(step: int) -> torch.Tensor:
        bucket, *given = next(loader)
        rows, t5_ids, clip_ids = (x.to(device, non_blocking=True) for x in given)
        z = held[bucket][rows].float()
        g = torch.Generator().manual_seed(seed * 1_000_003 + step)
        there = torch.Generator(device).manual_seed(seed * 1_000_003 + step + 10**12)
        noise = torch.randn(z.shape, generator=there, device=device)
        # What is asked for is learnt first, then how it looks.
        t = draw_times(batch, g, "high" if step < ASKED * stage.total or step % 3 == 0 else "mixed").to(
            device
        )
        x = (1 - across(t)) * z + across(t) * noise
        ids = image_ids(z.shape[2], z.shape[3], device)
        net = fast if bucket < 2 else painter
        with mixed(device):
            text = painter.read(t5_ids, clip_ids)
            if step % 2 and step >= ASKED * stage.total:
                ahead = step_ahead(t, g)
                with torch.no_grad():
                    x = x + across(ahead - t) * unpack(net(pack(x), t, ids, *text).float(), *z.shape[2:])
                t = ahead
            v = net(pack(x), t, ids, *text)
        guess = x - across(t) * unpack(v.float(), *z.shape[2:])
        off = (guess - z) / across(t.clamp(min=LEAST))
        loss = (pack(off).pow(2).mean(2) * weights[bucket][rows]).mean()
        if by is None:
            return loss
        shown = shows[bucket][rows]
        somebody = (t5_ids == trigger).any(1)  # named by the trigger alone: whoever is painted is right
        shown[:, critic.WHO] = shown[:, critic.WHO].masked_fill(somebody[:, None], -1)
        apart, wrong = critic.distance(by, guess, z, shown, there)
        asked = t5_ids[:, 1] != 0  # an empty caption asks for nothing
        return loss + APART * apart.mean() + WRONG * (wrong * asked).mean()

    with short_attention(painter.transformer, device):
        done = stage.run(loss_of, clock)
    stage.load_mean()
    return painter if done else None
