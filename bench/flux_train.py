"""Training on FLUX: seconds per step in each bucket, compared with a plain loop of diffusers and peft."""

from __future__ import annotations

from typing import Any

import torch

from bench.flux_measure import TEXT, Timing
from ml.local import fitting, lora
from ml.local.attention import short_attention
from ml.local.compilation import compile_blocks
from ml.local.dataset import Example
from ml.local.families import encode_picture, encode_text, family_of
from ml.local.loading import alone_on_device, load_pipeline
from ml.local.train import TrainingState, stepper

STEPS = 1000  # nominal length of the timed training


class Training(Timing):
    def train(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "ours": self.steps_of_ours(compiled=False),
            "ours_compiled": self.steps_of_ours(compiled=True),
        }
        for side, quick in out["ours_compiled"].items():
            slow = out["ours"][side]
            won = slow["seconds"] - quick["seconds"]
            quick["won_back_after_steps"] = round((quick["first"] - slow["first"]) / won) if won > 0 else None
        return out | {"plain": self.steps_of_plain()}

    def pixels(self, side: int) -> torch.Tensor:
        return (torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1).to(
            self.device
        )

    def steps_of_ours(self, *, compiled: bool) -> dict[str, Any]:
        """By bucket: a step of the trainer on one example."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        text = tuple(part.float() for part in encode_text(pipe, self.base, TEXT))
        examples = [self.example(pipe, text, side) for side in self.shape.buckets]
        lora.add_training_adapter(pipe.transformer, self.base)
        state = TrainingState.start(pipe.transformer, self.base, 0)
        lora.use(pipe.transformer, training=True)
        if compiled:
            compile_blocks(pipe.transformer)
        with (
            alone_on_device(pipe, self.base, pipe.transformer),
            short_attention(pipe.transformer, self.device),
        ):
            return {str(example.size[0]): self.step_of_ours(state, example) for example in examples}

    def example(self, pipe: Any, text: Any, side: int) -> Example:
        latents = encode_picture(pipe, self.base, self.pixels(side)).float()
        return Example("p", (side, side), latents, torch.ones_like(latents[..., :1]), text, TEXT)

    def step_of_ours(self, state: TrainingState, example: Example) -> dict[str, Any]:
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        step = stepper(state, self.base, [example], example.text, 0, STEPS)
        first = self.seconds_of(step)
        seconds = self.seconds(lambda i: step())
        planned = fitting.plan_training(10**15, self.workload(), [example.size]).needed / 1e9
        return {"seconds": seconds, "first": first, "peak_gb": self.peak(), "planned_gb": round(planned, 2)}

    def steps_of_plain(self) -> dict[str, Any]:
        from peft import LoraConfig

        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        pipe.transformer.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=self.base.layout.targets))
        params = [p for p in pipe.transformer.parameters() if p.requires_grad]
        for p in params:
            p.data = p.data.float()
        optimizer = torch.optim.AdamW(params, lr=1e-4)
        return {str(side): self.step_of_plain(pipe, params, optimizer, side) for side in self.shape.buckets}

    def step_of_plain(self, pipe: Any, params: Any, optimizer: Any, side: int) -> dict[str, Any]:
        pixels = self.pixels(side)

        def step(i: int) -> None:
            with torch.no_grad():
                text = encode_text(pipe, self.base, TEXT)
                z = encode_picture(pipe, self.base, pixels)
            noise, t = torch.randn_like(z), torch.rand(1, device=self.device)
            x = (1 - t) * z + t * noise
            with torch.autocast(self.device, torch.bfloat16):
                v = family_of(self.base).velocity(pipe.transformer, x, t, text, (side, side))
            (v.float() - (noise - z).float()).pow(2).mean().backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
            optimizer.zero_grad()

        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        return {"seconds": self.seconds(step), "peak_gb": self.peak()}
