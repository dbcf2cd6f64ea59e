"""A base with FLUX.1 schnell's layout and random weights, full size or small: speed does not depend on the
values."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ml.catalogue import BASES, NANO, Base, Sizes
from ml.local import lora
from ml.nets.torchvision import ensure_torchvision

SQUARE = "1:1"


@dataclass(frozen=True)
class Shape:
    """The configuration of one size. `side` of pictures and training `buckets` in pixels."""

    side: int
    buckets: tuple[int, ...]
    transformer: dict[str, Any]
    vae: dict[str, Any]
    clip: dict[str, Any]
    t5: dict[str, Any]


# The published configurations of FLUX.1 schnell's parts.
FULL = Shape(
    1024,
    (512, 768, 1024),
    {
        "num_layers": 19,
        "num_single_layers": 38,
        "num_attention_heads": 24,
        "attention_head_dim": 128,
        "joint_attention_dim": 4096,
        "pooled_projection_dim": 768,
        "axes_dims_rope": (16, 56, 56),
    },
    {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "norm_num_groups": 32},
    {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
    },
    {"d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "d_kv": 64},
)
SMALL = Shape(
    256,
    (128, 192, 256),
    {
        "num_layers": 2,
        "num_single_layers": 4,
        "num_attention_heads": 4,
        "attention_head_dim": 64,
        "joint_attention_dim": 128,
        "pooled_projection_dim": 64,
        "axes_dims_rope": (16, 24, 24),
    },
    {"block_out_channels": (16, 32, 64, 64), "layers_per_block": 1, "norm_num_groups": 8},
    {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 64,
    },
    {"d_model": 128, "d_ff": 256, "num_layers": 2, "num_heads": 4, "d_kv": 32},
)


VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 16,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}


def base_at(folder: Path, shape: Shape) -> Base:
    square = (shape.side, shape.side)
    buckets = tuple((s, s) for s in shape.buckets)
    schnell = BASES["flux-schnell"]
    sizes = Sizes(dict.fromkeys(schnell.sizes.by_aspect, square), train=buckets)
    return replace(schnell, source=str(folder), revision=None, sizes=sizes)


def write(folder: Path, shape: Shape, device: str) -> Base:
    """Writes the base's directory for production code, 34 GB at full size. Keeps an existing one."""
    ensure_torchvision()
    if not (folder / "model_index.json").exists():
        aside = folder.with_name(folder.name + ".part")
        shutil.rmtree(aside, ignore_errors=True)
        _write(aside, shape, device)
        aside.rename(folder)
    return base_at(folder, shape)


def _write(folder: Path, shape: Shape, device: str) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    words, clip_words = (AutoTokenizer.from_pretrained(NANO / name) for name in ("tokenizer_2", "tokenizer"))
    pipe: Any = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=False),
        tokenizer=clip_words,
        tokenizer_2=words,
        **_nets(shape, clip_words.eos_token_id, device),
    )
    pipe.save_pretrained(folder)
    save_file(
        random_lora(pipe.transformer, base_at(folder, shape), 0), folder / "training_adapter.safetensors"
    )


def _nets(shape: Shape, end: int, device: str) -> dict[str, Any]:
    """VAE, text encoders and transformer; `end` is the token that ends CLIP's texts."""
    from diffusers import AutoencoderKL, FluxTransformer2DModel
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    clip = CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, eos_token_id=end, **shape.clip)
    t5 = T5Config(vocab_size=32128, feed_forward_proj="gated-gelu", is_encoder_decoder=False, **shape.t5)
    makers: dict[str, Callable[[], Any]] = {
        "vae": lambda: AutoencoderKL(**VAE, **shape.vae),
        "text_encoder": lambda: CLIPTextModel(clip),
        "text_encoder_2": lambda: T5EncoderModel(t5),
        "transformer": lambda: FluxTransformer2DModel(
            in_channels=64, guidance_embeds=False, **shape.transformer
        ),
    }
    return {name: _random(make, device) for name, make in makers.items()}


def _random(make: Callable[[], Any], device: str) -> Any:
    """Generates the weights on the device, in bfloat16: on the host this takes minutes."""
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            return make().to("cpu")
    finally:
        torch.set_default_dtype(torch.float32)


def random_lora(transformer: Any, base: Base, seed: int) -> dict[str, torch.Tensor]:
    """A LoRA's tensors by name, with small random weights: it hardly changes the pictures."""
    g = torch.Generator().manual_seed(seed)
    shapes = lora.expected_shapes(transformer, base)
    return {name: (0.001 * torch.randn(shape, generator=g)).half() for name, shape in shapes.items()}
