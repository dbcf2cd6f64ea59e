"""Text encoders that learn what captions say before a transformer paints by them.

From the flow's loss alone they learn it last: after 700,000 pictures the base took notice of style and background and of hardly a
word else. What a caption says must come out of CLIP's vector by a linear layer and out of T5's sequence by one query a field: so
much a transformer's modulation and its attention can take up at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ml.nano.critic import COUNTS, FIELDS, all_labels, answers
from ml.nano.data import words
from ml.nano.flow import Painter
from ml.nano.stage import Clock, Stage
from ml.nano.text import CLIP_TOKENS, TOKENS, tokens


class Reading(nn.Module):
    """The encoders with the layers that ask them. T5 tokens (B, TOKENS), CLIP tokens (B, CLIP_TOKENS) -> two rows of logits."""

    def __init__(self, t5: Any, clip: Any):
        super().__init__()
        self.t5, self.clip = t5, clip
        wide = t5.config.d_model
        self.queries = nn.Parameter(torch.randn(len(FIELDS), wide) / wide**0.5)
        self.told = nn.ModuleList(nn.Linear(wide, n) for n in COUNTS)
        self.pooled = nn.Linear(clip.config.hidden_size, sum(COUNTS))

    def forward(self, t5_ids: torch.Tensor, clip_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sequence = self.t5(t5_ids)[0]
        looks = (self.queries @ sequence.transpose(1, 2)).softmax(-1) @ sequence  # (B, fields, width)
        told = torch.cat([ask(looks[:, i]) for i, ask in enumerate(self.told)], 1)
        return told, self.pooled(self.clip(clip_ids).pooler_output)


def train_reading(
    work: Path,
    painter: Painter,
    pair: tuple[Any, Any],
    pictures: int,
    clock: Clock,
    *,
    steps: int,
    batch: int,
    device: str,
    seed: int = 5,
) -> bool:
    """The encoders of `painter`, in place, on the captions of drawn pictures 0..pictures-1. False when stopped before the end."""
    torch.manual_seed(seed)
    net = Reading(painter.t5, painter.clip).to(device)
    stage = Stage(
        work / "reading.pt",
        net,
        rate=2e-3,
        total=steps,
        decay=0.99,
        cooldown=0.6,
        hidden=lambda n: "block." in n or "layers." in n,
        hidden_rate=5e-3,
    )
    if stage.done:
        stage.load_mean()
        return True
    wanted = all_labels(np.arange(pictures))

    def loss_of(step: int) -> torch.Tensor:
        numbers = np.random.default_rng([seed, step]).integers(pictures, size=batch)
        texts = [words(int(n), step) for n in numbers]
        told, pooled = net(
            tokens(pair[0], texts, TOKENS).to(device), tokens(pair[1], texts, CLIP_TOKENS).to(device)
        )
        labels = wanted[numbers].to(device)
        return (answers(told, labels) + answers(pooled, labels)).mean()

    done = stage.run(loss_of, clock)
    stage.load_mean()
    return done
