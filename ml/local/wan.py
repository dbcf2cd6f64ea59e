"""Clips by Wan 2.2 TI2V-5B through diffusers' own pipeline.

Known traps, with where they were reported: its picture input needs WanImageToVideoPipeline
(huggingface/diffusers#13258) and `expand_timesteps`, without which it gives pale noise
(NVIDIA/TensorRT-Model-Connect#190); its VAE must be in float32 (Wan-Video/Wan2.2#211) and not tiled
(diffusers#12039); the first frame comes out of the VAE in another tone than the rest
(modelscope/DiffSynth-Studio#1253); small sizes give garbage."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError

from ml.animation import AnimateSpec
from ml.begin_clip import AWAY, Begin, in_one_tone, words_of
from ml.catalogue import VideoBase
from ml.errors import MLError
from ml.local.files import find, pipeline_in
from ml.local.loading import diffusers
from ml.local.memory import FIXED, MARGIN, free_bytes, headers

log = logging.getLogger(__name__)

PIPELINE = "WanImageToVideoPipeline"
PLAIN = "WanPipeline"  # what the hub's own directory names; the parts are the same
TOKENS = 512  # of a text
STEP = 32  # px: a side's divisor
# Bytes of a step and of decoding, a pixel of the clip: its authors give 24 GB with the weights offloaded, of
# which the transformer takes 10, for 121 frames of 1280 x 704. An estimate: not measured here.
WORK = 12e9 / (121 * 1280 * 704)


@dataclass(frozen=True)
class Plan:
    """`offloaded`: only the part that works is on the accelerator."""

    needed: int
    free: int
    offloaded: bool

    def says(self) -> str:
        how = "one part at a time" if self.offloaded else "all as it is"
        return f"fits: {self.needed / 1e9:.1f} of {self.free / 1e9:.1f} GB, {how}"


def plan(video: VideoBase, folder: Path, device: str, frames: int) -> Plan:
    """Reads the weights' headers alone. MLError `does_not_fit`."""
    free, work = free_bytes(device), WORK * frames * video.area
    parts = {
        part.name: sum(int(np.prod(shape)) for _, shape in headers(part)) * (4 if part.name == "vae" else 2)
        for part in folder.iterdir()
        if part.is_dir()
    }
    for offloaded in (False, True) if device != "cpu" else (False,):
        held = max(parts.values()) if offloaded else sum(parts.values())
        needed = round((held + work) * MARGIN + FIXED)
        if needed <= free:
            return Plan(needed, free, offloaded)
    raise MLError(
        "does_not_fit",
        f"A clip by {video.name} needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free: use a larger "
        "accelerator, or close other programs on this one.",
    )


class Wan:
    """See animating.Animator. Loads the model at the first use; one clip at a time."""

    def __init__(self, video: VideoBase, device: str):
        self.video, self.device = video, device
        self._lock = threading.Lock()
        self._pipe: Any = None

    def __call__(
        self, begin: Begin, spec: AnimateSpec, attempt: int, on_frame: Callable[[float], None]
    ) -> list[np.ndarray]:
        with self._lock:
            pipe, size = self._loaded(spec.frames + 1), size_like(begin.picture, self.video.area)
            first = cv2.resize(begin.picture, size, interpolation=cv2.INTER_LANCZOS4)
            steps = self.video.steps

            def stepped(pipe: Any, step: int, time: Any, told: dict[str, Any]) -> dict[str, Any]:
                on_frame((step + 1) / steps)
                return told

            made = pipe(
                image=torch.from_numpy(first).permute(2, 0, 1)[None].float() / 255,
                prompt_embeds=encoded(pipe, words_of(spec)),
                negative_prompt_embeds=encoded(pipe, AWAY),
                width=size[0],
                height=size[1],
                num_frames=spec.frames + 1,  # 4 n + 1
                num_inference_steps=steps,
                guidance_scale=self.video.guidance,
                generator=torch.Generator().manual_seed(spec.seed + attempt),
                callback_on_step_end=stepped,
                return_dict=False,
            )[0][0]
        frames = (np.clip(made[: spec.frames], 0, 1) * 255 + 0.5).astype(np.uint8)
        return in_one_tone(first, list(frames))

    def _loaded(self, frames: int) -> Any:
        if self._pipe is None:
            folder = find(self.video)
            how = plan(self.video, folder, self.device, frames)
            log.info("%s: %s", self.video.name, how.says())
            self._pipe = load(self.video, folder)
            if how.offloaded:
                self._pipe.enable_model_cpu_offload()
            else:
                self._pipe.to(self.device)
        return self._pipe


def load(video: VideoBase, folder: Path) -> Any:
    """MLError `base_broken` also for a directory whose model does not read timesteps by latent."""
    if pipeline_in(folder) not in (PIPELINE, PLAIN) or not expands(folder):
        raise MLError("base_broken", f"The directory of {video.name} holds another kind of model.")
    library = diffusers()
    try:
        vae = library.AutoencoderKLWan.from_pretrained(
            folder, subfolder="vae", dtype=torch.float32, local_files_only=True
        )
        pipe = library.WanImageToVideoPipeline.from_pretrained(
            folder, vae=vae, dtype=getattr(torch, video.dtype), local_files_only=True, expand_timesteps=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
        what = f"{video.name} cannot be loaded: a file is missing or damaged. Fetch it again."
        raise MLError("base_broken", what) from e
    pipe.set_progress_bar_config(disable=True)
    return pipe


def expands(folder: Path) -> bool:
    return bool(json.loads((folder / "model_index.json").read_text()).get("expand_timesteps"))


@torch.no_grad()
def encoded(pipe: Any, text: str) -> torch.Tensor:
    """(1, TOKENS, D), zero after the text's end, as the pipeline does it. Its own way calls ftfy, a package
    that nothing here needs."""
    told = pipe.tokenizer(
        text, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).to(pipe._execution_device)
    states = pipe.text_encoder(told.input_ids, told.attention_mask).last_hidden_state
    return states * told.attention_mask[..., None].to(states.dtype)


def size_like(picture: np.ndarray, area: int) -> tuple[int, int]:
    """(width, height) of about this area in the picture's shape, multiples of STEP."""
    height, width = picture.shape[:2]
    scale = (area / (width * height)) ** 0.5
    return max(1, round(width * scale / STEP)) * STEP, max(1, round(height * scale / STEP)) * STEP
