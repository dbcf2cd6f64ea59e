"""Serving FLUX: a picture, a swap with many resident twins, a batch; compared with plain diffusers."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.flux_measure import TEXT, Timing
from bench.wholesize import SQUARE, random_lora
from ml.catalogue import BASES
from ml.local import fitting, lora
from ml.local.compilation import compile_blocks
from ml.local.fp8 import Float8Linear, has_units
from ml.local.loading import load_pipeline
from ml.local.sample import TEXTS, Sampler
from ml.local.weights import pinned


class Serving(Timing):
    def serve(self) -> dict[str, Any]:
        out: dict[str, Any] = {"pixels": self.shape.side, "steps": 4}
        out["plain"], out["plain_compiled"] = self.plain()
        out["ours"] = self.ours()
        out["ours_in_8_bits"] = self.in_8_bits()
        free = 10**15  # plans the needed memory without a limit
        plan = fitting.plan_serving(free, Path(self.base.source), self.workload(), self.size, TEXTS)
        out["planned_gb"] = round(plan.needed / 1e9, 2)
        return out

    def in_8_bits(self) -> dict[str, Any]:
        """Serves in 8 bits, with 8-bit products if the device has units for them."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device, in_8_bits=True)
        lora.Swapper(pipe, self.base, always=True)
        compile_blocks(pipe.transformer, pipe.vae)
        sampler = Sampler(pipe, self.base)

        def picture(i: int) -> None:
            sampler.sample(TEXT, size=self.size, steps=4, seed=i)

        first = self.seconds_of(lambda: picture(-1))
        units = has_units(self.device)
        out = {"units": units, "picture": self.seconds(picture), "first": first, "peak_gb": self.peak()}
        out["error_of_units"] = self.error_of_units() if units else None
        return out | self.error_on_nano()

    def error_on_nano(self) -> dict[str, Any]:
        """PSNR of the nano base's pictures in 8 bits against exact ones; its weights are not random."""
        nano, made = BASES["nano"], []
        for in_8_bits in (False, True):
            sampler = Sampler(load_pipeline(nano, self.device, in_8_bits=in_8_bits), nano)
            size = nano.sizes.by_aspect[SQUARE]
            some = [sampler.sample(TEXT, size=size, steps=6, seed=i) for i in range(8)]
            made.append(np.stack(some).astype(float))
        error = made[0] - made[1]
        psnr = 10 * np.log10(255**2 / (error**2).mean())
        return {
            "psnr_db_on_nano": round(float(psnr), 1),
            "levels_on_nano": round(float(np.abs(error).mean()), 2),
        }

    @torch.no_grad()
    def error_of_units(self) -> float:
        """The units' product against the processor's: the largest difference, in standard deviations of the
        product."""
        g = torch.Generator().manual_seed(0)
        layer, x = torch.nn.Linear(3072, 3072), torch.randn(300, 3072, generator=g).bfloat16()
        torch.nn.init.normal_(layer.weight, std=0.02, generator=g)
        there = Float8Linear.from_linear(layer.bfloat16())
        here = deepcopy(there).to("cpu")
        here.units = True
        exact = here(x).float()
        return round(
            float((there.to(self.device)(x.to(self.device)).float().cpu() - exact).abs().max() / exact.std()),
            4,
        )

    def plain(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Diffusers as in its documentation: a pipeline, a LoRA, a prompt; eager, then compiled."""
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        pipe.load_lora_weights(random_lora(pipe.transformer, self.base, 1), adapter_name="one")

        def picture(i: int) -> None:
            pipe(
                TEXT,
                width=self.size[0],
                height=self.size[1],
                num_inference_steps=4,
                guidance_scale=0.0,
                max_sequence_length=self.base.tokens,
                generator=torch.Generator().manual_seed(i),
                output_type="np",
            )

        def measured() -> dict[str, Any]:
            first = self.seconds_of(lambda: picture(-1))
            return {"picture": self.seconds(picture), "first": first, "peak_gb": self.peak()}

        eager = measured()
        pipe.transformer.compile()
        return eager, measured()

    def ours(self) -> dict[str, Any]:
        self.fresh()
        pipe = load_pipeline(self.base, self.device)
        sampler, swapper = Sampler(pipe, self.base), lora.Swapper(pipe, self.base, always=True)
        resident, facts = self.resident(pipe), {"base": self.base.name}

        def picture(i: int) -> None:
            sampler.sample(TEXT, size=self.size, steps=4, seed=i)

        def swap(i: int) -> None:
            swapper.load(f"{i}", resident[i % len(resident)], facts)

        def four(i: int) -> None:
            sampler.sample_batch([TEXT] * 4, size=self.size, steps=4, seeds=range(4 * i, 4 * i + 4))

        swap(0)
        compile_blocks(pipe.transformer, pipe.vae)
        first = self.seconds_of(lambda: picture(-1))
        out = {"picture": self.seconds(picture), "first": first}
        out |= {"swap": self.seconds(swap), "twins_resident": self.twins, "peak_gb": self.peak()}
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        out["picture_after_swaps"] = self.seconds(picture, warm=1)
        out["compiled_again_by_swaps"] = torch._dynamo.utils.counters["stats"]["unique_graphs"] - graphs
        return out | {"picture_of_four_at_once": round(self.seconds(four) / 4, 5)}

    def resident(self, pipe: Any) -> list[dict[str, torch.Tensor]]:
        """One copy per twin, each with its own memory."""
        some = [pinned(random_lora(pipe.transformer, self.base, seed)) for seed in range(min(self.twins, 4))]
        return [pinned({k: v.clone() for k, v in some[i % len(some)].items()}) for i in range(self.twins)]
