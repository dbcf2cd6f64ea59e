"""A LoRA on a transformer: added for training, written in diffusers' file format, swapped while serving."""

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

ADAPTER, TRAINING_ADAPTER = "twin", "training_adapter"  # names of adapters, as peft has them
PREFIX = "transformer."


def add(transformer: Any, base: Base, seed: int) -> list[torch.nn.Parameter]:
    """Adds a fresh LoRA (B is zero, so it changes nothing); its parameters, float32. Nothing else is
    trained."""
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
    """Loads the base's training adapter, frozen; False where the base has none. A distilled base trained
    without one loses its ability to sample in few steps."""
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
    """Activates the twin's adapter, and in training the training adapter as well."""
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
    """The trained parameters' names in the order of `add`."""
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
    """Loads and unloads the LoRA of a pipeline. A swap that failed half-way would give the next picture
    nobody's face, or two people's: on any error everything is unloaded and loaded anew, or refused.

    `always`: the base alone has a LoRA of zeros, because adding and removing layers would compile them again.
    """

    def __init__(self, pipe: Any, base: Base, *, always: bool = False):
        self.pipe, self.base, self.always = pipe, base, always
        self.expected = expected_shapes(pipe.transformer, base)
        self.loaded: str | None = None
        self._layers = False  # whether there is a LoRA to swap the weights of
        if always:
            self._bare()

    def load(
        self, key: str | None, tensors: dict[str, Any] | None = None, facts: dict[str, Any] | None = None
    ) -> None:
        """Loads the LoRA `key` (its checksum), or none. After MLError `lora_other_base` none is loaded."""
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
        """Removes the LoRA's layers from the transformer, as a training needs it."""
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
                "engine_failed", "The twin could not be put on the base. Nothing was made; try again."
            ) from e

    def _copy(self, tensors: dict[str, Any]) -> None:
        """The first LoRA adds its layers. Of later ones only the weights are copied, from pinned memory
        without waiting."""
        if not self._layers:
            # Cloned: tensors of the base's dtype would become its parameters, and the next swap would write
            # into them.
            self.pipe.load_lora_weights({k: v.clone() for k, v in tensors.items()}, adapter_name=ADAPTER)
            self._layers = True
            return
        places = {file_name(n): p for n, p in self.pipe.transformer.named_parameters() if f".{ADAPTER}." in n}
        if places.keys() != tensors.keys():
            raise ValueError("the layers are not those of a twin")
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(tensors[name], non_blocking=True)
