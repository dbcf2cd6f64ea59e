"""Runs stages of a build in parallel, each in its own process, on a machine with free cores."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

import torch

from ml.nano import data, vae
from ml.nano.steps import Steps

STAGES = ("pictures", "vae", "text", "readers")  # "readers" also trains the decoder


class Parallel:
    """Stages in their own processes, started from name -> command."""

    def __init__(self, commands: dict[str, list[str]]):
        env = os.environ | {"OMP_NUM_THREADS": "2"}
        self.running = {name: subprocess.Popen(command, env=env) for name, command in commands.items()}

    def done(self, name: str) -> bool:
        """Waits for a stage. False when it was stopped or failed. A stage that is not started here counts as
        done."""
        return name not in self.running or self.running[name].wait() == 0

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()


def run_stage(name: str, steps: Steps) -> bool:
    """Runs one of STAGES as soon as its input exists. False when it was stopped before the end."""
    needed = {"vae": steps.preset.vae_pictures, "readers": steps.preset.pictures}.get(name, 0)
    if not wait_for(steps, lambda: data.drawn(steps.pictures, needed)):
        return False
    if name == "pictures":
        os.nice(10)
        return steps.draw()
    if name == "vae":
        return steps.vae() is not None
    if name == "text":
        pair = steps.tokenizers()
        return steps.text(steps.model(pair), pair)
    return readers_and_decoder(steps)


def readers_and_decoder(steps: Steps) -> bool:
    embedder, latents = steps.readers(), steps.work / "latents.pt"
    if embedder is None or not wait_for(steps, latents.exists):
        return False
    trained = steps.vae().to(steps.device)
    saved = torch.load(latents, weights_only=True, mmap=True)
    vae.even_out(trained, saved["matrix"], saved["mean"])
    return steps.decoder(trained, embedder) is not None


def wait_for(steps: Steps, ready: Callable[[], bool]) -> bool:
    """Waits until ready(). False when the time is over or the parent process has ended."""
    parent = os.getppid()
    while not ready():
        if steps.clock.over() or os.getppid() != parent:
            return False
        time.sleep(0.2)
    return True
