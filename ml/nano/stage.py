"""A resumable training stage. One file holds weights, their running mean, optimizer states and
step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ml.nano.muon import Muon


class Clock:
    """A time limit in minutes; None means no limit."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self.left() < 0

    def left(self) -> float:
        """The remaining seconds; infinite without a limit."""
        return float("inf") if self.end is None else self.end - time.monotonic()

    def before(self, seconds: float) -> Clock:
        """A clock that ends `seconds` earlier."""
        return Clock(None if self.end is None else (self.left() - seconds) / 60)


MEASURED = (200, 400)  # with `fit`, the time per step is measured between these two steps of a run


Optimizers = list[tuple[torch.optim.Optimizer, float]]  # each with its full learning rate


def new_optimizers(
    model: nn.Module,
    rate: float,
    weight_decay: float,
    hidden: Callable[[str], bool] | None,
    hidden_rate: float,
) -> Optimizers:
    """AdamW, and Muon for the matrices whose names `hidden` accepts."""
    named = list(model.named_parameters())
    matrices = [p for n, p in named if hidden and hidden(n) and p.ndim == 2]
    rest = [p for n, p in named if not (hidden and hidden(n) and p.ndim == 2)]
    adamw = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True)
    if not matrices:
        return [(adamw, rate)]
    muon = Muon(matrices, lr=hidden_rate, weight_decay=weight_decay)
    return [(adamw, rate), (muon, hidden_rate)]


class Stage:
    """`run` takes steps until `total` are done or the time is over; it returns True when all are done.

    The learning rate warms up over 100 steps, is constant, and falls linearly to zero over the last
    `cooldown` share. `mean` is the exponential moving average of the weights, the result of a stage. Muon
    trains the matrices whose names `hidden` accepts at `hidden_rate`, AdamW everything else. With `fit`,
    `total` is an upper limit: it is lowered to what the clock has time for, so that the learning rate still
    falls to zero.
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
        self.optimizers = new_optimizers(model, rate, weight_decay, hidden, hidden_rate)
        self.mean = {k: v.detach().float().clone() for k, v in model.state_dict().items()}
        if path.exists():
            self._load()

    def _load(self) -> None:
        self.restore(torch.load(self.path, map_location="cpu", weights_only=True))

    def restore(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        for (optimizer, _), state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.mean = {k: v.to(self.mean[k].device) for k, v in saved["mean"].items()}
        self.step = saved["step"]
        if self.fit:
            self.total = saved["total"]

    @property
    def done(self) -> bool:
        return self.step >= self.total

    def state(self) -> dict[str, Any]:
        """The checkpoint's content."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "mean": self.mean,
            "step": self.step,
            "total": self.total,
        }

    def save(self) -> None:
        aside = self.path.with_suffix(".tmp")
        torch.save(self.state(), aside)
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
        """`loss_of(step)` returns the loss of one batch. Saves once a minute and at the end."""
        log, pace = Log(self, every), StepTime(self)
        saved = time.monotonic()
        while not self.done and not clock.over():
            loss = loss_of(self.step)
            self._learn(loss)
            self.step += 1
            if self.fit:
                pace.fit_into(clock)
            log.add(loss.detach())
            if time.monotonic() - saved > 60:
                self.save()
                saved = time.monotonic()
        self.save()
        return self.done

    def _learn(self, loss: torch.Tensor) -> None:
        """Takes one optimizer step and updates the running mean of the weights."""
        for optimizer, rate in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * self.pace()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, _ in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._average()

    def load_mean(self) -> nn.Module:
        """Loads the averaged weights; returns the frozen model."""
        self.model.load_state_dict({k: v.to(self.model.state_dict()[k].dtype) for k, v in self.mean.items()})
        return self.model.eval().requires_grad_(False)


class StepTime:
    """Measures the time per step, and lowers the stage's total to the steps that the clock has time
    for."""

    def __init__(self, stage: Stage):
        self.stage, self.first, self.since = stage, stage.step, 0.0

    def fit_into(self, clock: Clock) -> None:
        stage = self.stage
        if stage.step - self.first == MEASURED[0]:
            self.since = time.monotonic()
        if stage.step - self.first == MEASURED[1]:
            each = (time.monotonic() - self.since) / (MEASURED[1] - MEASURED[0])
            stage.total = min(stage.total, stage.step + int(0.97 * clock.left() / each))
            print(f"{stage.path.stem} takes {stage.total} steps of {each:.3f} s", flush=True)


class Log:
    """Prints the mean loss and the time per step, every `every` steps."""

    def __init__(self, stage: Stage, every: int):
        self.stage, self.every, self.start = stage, every, time.monotonic()
        self.recent: list[torch.Tensor] = []

    def add(self, loss: torch.Tensor) -> None:
        """Keeps the loss on its device until it is printed: reading it would wait for the accelerator."""
        self.recent.append(loss)
        if self.stage.step % self.every:
            return
        mean = float(torch.stack(self.recent).mean())
        seconds = (time.monotonic() - self.start) / self.every
        where = f"{self.stage.path.stem} {self.stage.step}/{self.stage.total}"
        print(f"{where} loss {mean:.4f} {seconds:.3f} s a step", flush=True)
        self.start, self.recent = time.monotonic(), []
