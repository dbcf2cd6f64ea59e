"""A small FLUX.1 schnell on the hub double, and a function to fetch it, shared by the tests of fetching."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from ml import fetch as fetching
from ml.catalogue import BASES
from ml.errors import MLError
from ml.fetch import fetch
from tests.ml.hub import HubDouble, StoredRepository

BASE = BASES["flux-schnell"]
FIRST, SECOND = (f"transformer/diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2))
INDEX = "transformer/diffusion_pytorch_model.safetensors.index.json"


def tensors(seed: int, size: int = 50_000) -> bytes:
    return save({f"t{seed}": np.random.default_rng(seed).standard_normal(size, np.float32)})


def layout() -> dict[str, bytes]:
    """FLUX.1 schnell's, in small: two shards of 200 KB and what belongs to them, and what is not wanted."""
    parts = {
        "scheduler": "FlowMatchEulerDiscreteScheduler",
        "text_encoder": "CLIPTextModel",
        "text_encoder_2": "T5EncoderModel",
        "tokenizer": "CLIPTokenizer",
        "tokenizer_2": "T5TokenizerFast",
        "transformer": "FluxTransformer2DModel",
        "vae": "AutoencoderKL",
    }
    index = {"_class_name": "FluxPipeline", "feature_extractor": [None, None]} | {
        k: ["x", v] for k, v in parts.items()
    }
    files = {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"-",
        "flux1-schnell.safetensors": tensors(9),
    }
    for n, part in enumerate(("text_encoder", "text_encoder_2", "vae")):
        files |= {f"{part}/config.json": b'{"c": %d}' % n, f"{part}/model.safetensors": tensors(n, 100)}
    for part in ("tokenizer", "tokenizer_2"):
        files[f"{part}/tokenizer_config.json"] = json.dumps({"of": part}).encode()
    shards = {"t3": Path(FIRST).name, "t4": Path(SECOND).name}
    return files | {
        "scheduler/scheduler_config.json": b'{"shift": 1.0}',
        "transformer/config.json": b'{"b": 2}',
        INDEX: json.dumps({"weight_map": shards}).encode(),
        FIRST: tensors(3),
        SECOND: tensors(4),
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubDouble]:
    for name in ("HF_TOKEN", "HF_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(fetching, "WAITS", ())
    assert BASE.revision is not None
    assert BASE.adapter is not None
    with HubDouble() as double:
        double.repositories[BASE.source] = StoredRepository(BASE.revision, layout())
        double.repositories[BASE.adapter] = StoredRepository(
            "2" * 40, {"lora.safetensors": tensors(5, 100), "README.md": b"-"}
        )
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double


def get(**options: Any) -> fetching.Fetched:
    return fetch(BASE.name, accept=lambda question: True, **options)


def refused(code: str, **options: Any) -> str:
    with pytest.raises(MLError) as e:
        get(**options)
    assert e.value.code == code, e.value
    assert e.value.message.endswith(".")
    return e.value.message


def put(hub: HubDouble, folder: Path) -> None:
    """Copies the files by hand, as a user could."""
    for path, data in hub.repositories[BASE.source].files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)


def wanted(hub: HubDouble) -> int:
    """The bytes of all needed files."""
    unwanted = ("README.md", "flux1-schnell.safetensors")
    return sum(
        len(data) for s in hub.repositories.values() for path, data in s.files.items() if path not in unwanted
    )
