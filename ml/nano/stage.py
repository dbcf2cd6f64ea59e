"""A training stage that can be stopped and gone on from: weights, their running mean, optimizer and step in one file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn


class Clock:
    """The minutes that are left; None is without end."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self.left() < 0

    def left(self) -> float:
        """Seconds, endless without an end."""
        return float("inf") if self.end is None else self.end - time.monotonic()

    def before(self, seconds: float) -> Clock:
        """One that is over so much earlier."""
        return Clock(None if self.end is None else (self.left() - seconds) / 60)


MEASURED = (
    200,
    400,
)  # between these steps of a run, a stage that is to fit into its time sees how long one takes


class Stage:
    """`run` repeats a step until `total` steps are done or the clock is over; True when all are done.

    The learning rate warms up over 100 steps, stays, and falls linearly to zero over the last `cooldown` share.
    `mean` holds the exponential moving average of the weights, which is what a stage delivers. Matrices whose names `hidden`
    accepts learn by Muon (orthogonal steps, https://kellerjordan.github.io/posts/muon) at `hidden_rate`, all else by AdamW.
    With `fit`, `total` is the most: it becomes what the clock has time for, so that the rate falls to zero in time.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        *,
        rate: float,
        total: int,
        decay: float = 0.998,
        cooldown: float = 0.45,
        weight_decay: float = 0.01,
        hidden: Callable[[str], bool] | None = None,
        hidden_rate: float = 0.0,
        fit: bool = False,
    ):
        self.path, self.model, self.total, self.fit = path, model, total, fit
        self.decay, self.cooldown, self.step = decay, cooldown, 0
        named = list(model.named_parameters())
        matrices = [p for n, p in named if hidden and hidden(n) and p.ndim == 2]
        rest = [p for n, p in named if not (hidden and hidden(n) and p.ndim == 2)]
        adamw = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [(adamw, rate)]
        if matrices:
            muon = torch.optim.Muon(
                matrices, lr=hidden_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
            self.optimizers.append((muon, hidden_rate))
        self.mean = {k: v.detach().float().clone() for k, v in model.state_dict().items()}
        if path.exists():
            saved = torch.load(path, map_location="cpu", weights_only=True)
            model.load_state_dict(saved["model"])
            for (optimizer, _), state in zip(self.optimizers, saved["optimizers"], strict=True):
                optimizer.load_state_dict(state)
            self.mean = {k: v.to(self.mean[k].device) for k, v in saved["mean"].items()}
            self.step = saved["step"]
            if fit:
                self.total = saved["total"]

    @property
    def done(self) -> bool:
        return self.step >= self.total

    def save(self) -> None:
        aside = self.path.with_suffix(".tmp")
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "mean": self.mean,
            "step": self.step,
            "total": self.total,
        }
        torch.save(state, aside)
        aside.rename(self.path)

    def pace(self) -> float:
        """The share of the full learning rate at this step."""
        left = (self.total - self.step) / max(1, self.total * self.cooldown)
        return min(1.0, (self.step + 1) / 100, left)

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.decay, (self.step + 1) / (self.step + 10))
        now = self.model.state_dict()
        torch._foreach_lerp_([self.mean[k] for k in now], [v.float() for v in now.values()], 1 - keep)

    def run(self, loss_of: Callable[[int], torch.Tensor], clock: Clock, *, every: int = 100) -> bool:
        """`loss_of(step)` gives the loss of one batch."""
        start, recent = time.monotonic(), []
        first, last = self.step, time.monotonic()
        while not self.done and not clock.over():
            for optimizer, rate in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate * self.pace()
            loss = loss_of(self.step)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer, _ in self.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            self._average()
            self.step += 1
            if self.fit and self.step - first == MEASURED[0]:
                since = time.monotonic()
            if self.fit and self.step - first == MEASURED[1]:
                each = (time.monotonic() - since) / (MEASURED[1] - MEASURED[0])
                self.total = min(self.total, self.step + int(0.97 * clock.left() / each))
                print(f"{self.path.stem} takes {self.total} steps of {each:.3f} s", flush=True)
            recent.append(loss.detach())  # read later: an accelerator is not waited for
            if self.step % every == 0:
                seconds = time.monotonic() - start
                print(
                    f"{self.path.stem} {self.step}/{self.total} loss {float(sum(recent)) / len(recent):.4f} {seconds / every:.3f} s a step",
                    flush=True,
                )
                start, recent = time.monotonic(), []
            if time.monotonic() - last > 60:
                self.save()
                last = time.monotonic()
        self.save()
        return self.done

    def load_mean(self) -> nn.Module:
        """The model with its averaged weights, for use."""
        self.model.load_state_dict({k: v.to(self.model.state_dict()[k].dtype) for k, v in self.mean.items()})
        return self.model.eval().requires_grad_(False)
