"""Trains the text encoders to represent captions, before the transformer's training.

With the flow's loss alone they learn this last: after 700,000 pictures the base followed style and
background and hardly any other word. Here a linear layer must predict the caption's fields from CLIP's
vector, and one query per field from T5's sequence. The transformer's modulation and attention can use such
encodings from the first step on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ml.nano.critic import COUNTS, FIELDS, all_labels, answers
from ml.nano.data import words
from ml.nano.model import FlowModel
from ml.nano.stage import Clock, Stage
from ml.nano.text import CLIP_TOKENS, TOKENS, tokens


class Probed(nn.Module):
    """The encoders with probe layers: T5 tokens (B, TOKENS), CLIP tokens (B, CLIP_TOKENS) -> T5's logits,
    CLIP's logits."""

    def __init__(self, t5: Any, clip: Any):
        super().__init__()
        self.t5, self.clip = t5, clip
        wide = t5.config.d_model
        self.queries = nn.Parameter(torch.randn(len(FIELDS), wide) / wide**0.5)
        self.probes = nn.ModuleList(nn.Linear(wide, n) for n in COUNTS)
        self.pooled = nn.Linear(clip.config.hidden_size, sum(COUNTS))

    def forward(self, t5_ids: torch.Tensor, clip_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sequence = self.t5(t5_ids)[0]
        looks = (self.queries @ sequence.transpose(1, 2)).softmax(-1) @ sequence  # (B, fields, width)
        sequence_logits = torch.cat([probe(looks[:, i]) for i, probe in enumerate(self.probes)], 1)
        return sequence_logits, self.pooled(self.clip(clip_ids).pooler_output)


def train_text(
    work: Path,
    model: FlowModel,
    pair: tuple[Any, Any],
    pictures: int,
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    seed: int = 5,
) -> bool:
    """Trains the encoders of `model` in place, on the captions of drawn pictures 0..pictures-1.

    Returns False when the clock stopped it before the end.
    """
    torch.manual_seed(seed)
    net = Probed(model.t5, model.clip).to(device)
    stage = new_stage(work / "text.pt", net, steps)
    if stage.done:
        stage.load_mean()
        return True
    wanted = all_labels(np.arange(pictures))

    def loss_of(step: int) -> torch.Tensor:
        numbers = np.random.default_rng([seed, step]).integers(pictures, size=batch)
        texts = [words(int(n), step) for n in numbers]
        t5_ids, clip_ids = tokens(pair[0], texts, TOKENS), tokens(pair[1], texts, CLIP_TOKENS)
        of_t5, of_clip = net(t5_ids.to(device), clip_ids.to(device))
        labels = wanted[numbers].to(device)
        return (answers(of_t5, labels) + answers(of_clip, labels)).mean()

    done = stage.run(loss_of, clock)
    stage.load_mean()
    return done


def new_stage(path: Path, net: Probed, steps: int) -> Stage:
    return Stage(
        path,
        net,
        rate=2e-3,
        total=steps,
        decay=0.99,
        cooldown=0.6,
        hidden=lambda n: "block." in n or "layers." in n,
        hidden_rate=5e-3,
    )
