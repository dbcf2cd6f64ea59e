"""Adds a LoRA to a transformer, names its tensors as diffusers does, and swaps LoRAs while serving."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import torch
from safetensors.torch import load_file

from ml.catalogue import Base
from ml.errors import MLError
from ml.local.files import find_adapter
from ml.local.weights import check_lora

ADAPTER, TRAINING_ADAPTER = "twin", "training_adapter"  # adapter names in peft
PREFIX = "transformer."


def add(transformer: Any, base: Base, seed: int) -> list[torch.nn.Parameter]:
    """Adds a fresh LoRA (B is zero, so it has no effect) and returns its float32 parameters, the only
    trained ones."""
    from peft import LoraConfig

    config = LoraConfig(
        r=base.rank, lora_alpha=base.rank, init_lora_weights="gaussian", target_modules=base.layout.targets
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer.add_adapter(config, adapter_name=ADAPTER)
    trained = [p for n, p in transformer.named_parameters() if f".{ADAPTER}." in n]
    for p in trained:
        p.data = p.data.float()
        p.requires_grad_(True)
    return trained


def remove(transformer: Any) -> None:
    """Removes the adapters that a training added."""
    for name in (ADAPTER, TRAINING_ADAPTER):
        if name in (getattr(transformer, "peft_config", None) or {}):
            transformer.delete_adapters(name)


def add_training_adapter(transformer: Any, base: Base) -> bool:
    """Loads the base's training adapter, frozen; False if the base has none. Without it, training makes a
    distilled base lose its ability to sample in few steps."""
    file = find_adapter(base)
    if file is None:
        return False
    try:
        transformer.load_lora_adapter(load_file(file), adapter_name=TRAINING_ADAPTER, prefix="transformer")
    except (OSError, ValueError, RuntimeError, KeyError) as e:
        raise MLError(
            "base_broken", f"The training adapter of the base {base.name} does not fit it. Fetch it again."
        ) from e
    return True


def use(transformer: Any, *, training: bool) -> None:
    """Activates the twin's adapter, and for training also the training adapter."""
    present = transformer.peft_config
    transformer.set_adapters(
        [n for n in (ADAPTER, TRAINING_ADAPTER) if n in present and (training or n == ADAPTER)]
    )
    for n, p in transformer.named_parameters():  # peft unfreezes what it activates
        if ".lora_" in n:
            p.requires_grad_(f".{ADAPTER}." in n)


@contextlib.contextmanager
def silent(transformer: Any) -> Iterator[None]:
    """Inside, the trained LoRA adds nothing; a training adapter stays active."""
    layers = [m for m in transformer.modules() if ADAPTER in (getattr(m, "scaling", None) or {})]
    before = [layer.scaling[ADAPTER] for layer in layers]
    try:
        for layer in layers:
            layer.scaling[ADAPTER] = 0.0
        yield
    finally:
        for layer, scale in zip(layers, before):
            layer.scaling[ADAPTER] = scale


def names(transformer: Any) -> list[str]:
    """The names of the trained parameters, in the order of `add`."""
    return [n for n, _ in transformer.named_parameters() if f".{ADAPTER}." in n]


def file_name(parameter: str) -> str:
    """peft's name of a parameter -> its name in a LoRA file of diffusers."""
    return PREFIX + parameter.replace(f".{ADAPTER}.", ".")


def expected_shapes(transformer: Any, base: Base) -> dict[str, tuple[int, ...]]:
    """Every tensor that a LoRA file for this transformer must hold."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in transformer.named_modules():
        name = name.replace(".base_layer", "")
        if re.fullmatch(base.layout.targets, name) and hasattr(module, "in_features"):
            shapes[f"{PREFIX}{name}.lora_A.weight"] = (base.rank, module.in_features)
            shapes[f"{PREFIX}{name}.lora_B.weight"] = (module.out_features, base.rank)
    return shapes


class Swapper:
    """Loads and unloads the LoRA of a pipeline. On any error it unloads everything and loads again, or
    raises: a half-done swap would mix two faces in the next picture.

    `always`: keeps the LoRA layers, with zeros for the base alone; adding or removing layers would recompile.
    """

    def __init__(self, pipe: Any, base: Base, *, always: bool = False):
        self.pipe, self.base, self.always = pipe, base, always
        self.expected = expected_shapes(pipe.transformer, base)
        self.loaded: str | None = None
        self._layers = False  # whether the transformer has LoRA layers
        if always:
            self._bare()

    def load(
        self, key: str | None, tensors: dict[str, Any] | None = None, facts: dict[str, Any] | None = None
    ) -> None:
        """Loads the LoRA `key` (its checksum); None unloads. After MLError `lora_other_base` it has none."""
        if key == self.loaded:
            return
        if key is None or tensors is None:
            self._bare()
            return
        self._check(tensors, facts or {})
        try:
            self._copy(tensors)
        except Exception:
            self.unload()
            self._load_anew(tensors)
        self.loaded = key

    def _check(self, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
        try:
            check_lora(tensors, facts, self.base, self.expected)
        except MLError:
            self._bare()
            raise

    def unload(self) -> None:
        """Removes the LoRA's layers from the transformer; required before training."""
        self.loaded, self._layers = None, False
        self.pipe.unload_lora_weights()

    def _bare(self) -> None:
        if not self.always:
            self.unload()
            return
        self._copy({name: torch.zeros(shape, dtype=torch.float16) for name, shape in self.expected.items()})
        self.loaded = None

    def _load_anew(self, tensors: dict[str, Any]) -> None:
        try:
            self._copy(tensors)
        except Exception as e:
            self.unload()
            raise MLError(
                "engine_failed", "The twin's LoRA could not be loaded. No picture was made. Try again."
            ) from e

    def _copy(self, tensors: dict[str, Any]) -> None:
        """The first LoRA adds the layers. For later LoRAs it only copies the weights, asynchronously from
        pinned memory."""
        if not self._layers:
            # Cloned: tensors of the base's dtype would become parameters, and the next swap would overwrite
            # them.
            self.pipe.load_lora_weights({k: v.clone() for k, v in tensors.items()}, adapter_name=ADAPTER)
            self._layers = True
            return
        places = {file_name(n): p for n, p in self.pipe.transformer.named_parameters() if f".{ADAPTER}." in n}
        if places.keys() != tensors.keys():
            raise ValueError("the layers are not those of a twin")
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(tensors[name], non_blocking=True)
