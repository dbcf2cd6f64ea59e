"""A base with the real layout and classes, one block deep and with random weights, for all tests except those
of learning. A step on it takes a small part of the time that one on the shipped base takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def pair() -> tuple[Any, Any]:
    """T5's and CLIP's tokenizers, those of the shipped base: training new ones takes seconds."""
    from transformers import CLIPTokenizer, T5Tokenizer

    from ml.catalogue import NANO

    return T5Tokenizer.from_pretrained(NANO / "tokenizer_2"), CLIPTokenizer.from_pretrained(
        NANO / "tokenizer"
    )


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, pair: tuple[Any, Any]) -> Path:
    import torch

    from ml.nano import model, vae
    from ml.nano.export import export
    from ml.nano.presets import PRESETS
    from ml.nets.torchvision import ensure_torchvision

    ensure_torchvision()
    torch.manual_seed(0)
    flow_model = model.new_flow_model(PRESETS["tiny"].shape, *pair)
    for name, p in flow_model.transformer.named_parameters():
        if ("norm" in name and ".linear." in name) or name.startswith("proj_out"):
            torch.nn.init.normal_(p, std=0.05)  # a fresh base is the identity; tests need an effect
    small = vae.new_vae((8, 8, 16, 16))
    small.register_to_config(shift_factor=0.0, scaling_factor=1.0)
    out = tmp_path_factory.mktemp("base")
    export(out, small, flow_model, pair, pixels=128)
    return out
