"""Writes a trained base to disk in the layout of FLUX.1 schnell, and reads one to continue training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ml.nano.model import FlowModel


def export(out: Path, vae: Any, model: FlowModel, pair: tuple[Any, Any], pixels: int) -> None:
    """Writes half precision, in files of at most 15 MB. `pair`: T5's and CLIP's tokenizers."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline

    half = [m.to("cpu", torch.float16) for m in (vae, model.clip, model.t5, model.transformer)]
    pipe: Any = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(
            num_train_timesteps=1000, shift=1.0, use_dynamic_shifting=False
        ),
        vae=half[0],
        text_encoder=half[1],
        text_encoder_2=half[2],
        transformer=half[3],
        tokenizer=pair[1],
        tokenizer_2=pair[0],
    )
    half[0].register_to_config(_name_or_path="")  # do not publish the local path
    pipe.save_pretrained(out, max_shard_size="15MB")
    (out / "nano.json").write_text(json.dumps({"pixels": pixels}) + "\n")


def save_net(net: torch.nn.Module, path: Path) -> None:
    """Saves a net in half precision."""
    from safetensors.torch import save_file

    state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.cpu().contiguous() for k, v in state.items()}, path)


def load_net(net: torch.nn.Module, path: Path) -> torch.nn.Module:
    """A net with weights that save_net wrote."""
    from safetensors.torch import load_file

    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
    return net.eval()


def load_vae(start: Path) -> Any:
    """The VAE of an exported base."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(start, subfolder="vae", dtype=torch.float32)
    return vae.eval().requires_grad_(False)


def load_flow_model(model: FlowModel, start: Path) -> None:
    """Loads the weights of an exported base into `model`."""
    from diffusers import FluxTransformer2DModel
    from transformers import CLIPTextModel, T5EncoderModel

    parts = (
        (model.transformer, FluxTransformer2DModel, "transformer"),
        (model.t5, T5EncoderModel, "text_encoder_2"),
        (model.clip, CLIPTextModel, "text_encoder"),
    )
    for part, kind, folder in parts:
        part.load_state_dict(kind.from_pretrained(start, subfolder=folder, dtype=torch.float32).state_dict())
