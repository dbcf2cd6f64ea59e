"""One LoRA on a transformer: put on for training, written as the ecosystem's files, swapped while serving."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ml.errors import MLError
from ml.local.bases import Base, find_adapter
from ml.local.weights import check_lora

ADAPTER, ASSISTANT = "twin", "assistant"
PREFIX = "transformer."


def add(transformer: Any, base: Base, seed: int) -> list[torch.nn.Parameter]:
    """A fresh LoRA (B zero, so it changes nothing) and its parameters, float32, that alone are trained."""
    from peft import LoraConfig

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LoraConfig(
            r=base.rank,
            lora_alpha=base.rank,
            init_lora_weights="gaussian",
            target_modules=base.family.targets,
        )
        transformer.add_adapter(config, adapter_name=ADAPTER)
    trained = [p for n, p in transformer.named_parameters() if f".{ADAPTER}." in n]
    for p in trained:
        p.data = p.data.float()
        p.requires_grad_(True)
    return trained


def remove(transformer: Any) -> None:
    """Take off whatever a training put on."""
    for name in (ADAPTER, ASSISTANT):
        if name in (getattr(transformer, "peft_config", None) or {}):
            transformer.delete_adapters(name)


def add_assistant(transformer: Any, base: Base) -> bool:
    """Put the base's training adapter on, frozen; False where the base has none. A distilled base loses its few-step
    shape when it is trained without one."""
    file = find_adapter(base)
    if file is None:
        return False
    from safetensors.torch import load_file

    try:
        transformer.load_lora_adapter(load_file(file), adapter_name=ASSISTANT, prefix="transformer")
    except (OSError, ValueError, RuntimeError, KeyError) as e:
        raise MLError(
            "base_broken", f"The training adapter of the base {base.name} does not fit it. Fetch it again."
        ) from e
    return True


def use(transformer: Any, *, training: bool) -> None:
    """While training the assistant works along, while sampling it rests."""
    present = transformer.peft_config
    transformer.set_adapters([n for n in (ADAPTER, ASSISTANT) if n in present and (training or n == ADAPTER)])
    for n, p in transformer.named_parameters():  # peft unfreezes whatever it makes active
        if ".lora_" in n:
            p.requires_grad_(f".{ADAPTER}." in n)


@contextlib.contextmanager
def silent(transformer: Any) -> Iterator[None]:
    """Inside, the trained LoRA adds nothing; a training adapter goes on working."""
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
    import re

    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in transformer.named_modules():
        name = name.replace(".base_layer", "")
        if re.fullmatch(base.family.targets, name) and hasattr(module, "in_features"):
            shapes[f"{PREFIX}{name}.lora_A.weight"] = (base.rank, module.in_features)
            shapes[f"{PREFIX}{name}.lora_B.weight"] = (module.out_features, base.rank)
    return shapes


class Swapper:
    """The LoRA that a pipeline wears. A swap that failed half-way would give the next picture nobody's face, or two people's: on
    any error everything is taken off and put on anew, or refused.

    `always`: the bare base wears a LoRA of zeros, because layers that come and go would be compiled again.
    """

    def __init__(self, pipe: Any, base: Base, *, always: bool = False):
        self.pipe, self.base, self.always = pipe, base, always
        self.expected = expected_shapes(pipe.transformer, base)
        self.worn: str | None = None
        self._layers = False  # whether there is a LoRA to swap the weights of
        if always:
            self._bare()

    def wear(
        self, key: str | None, tensors: dict[str, Any] | None = None, facts: dict[str, Any] | None = None
    ) -> None:
        """Wear the LoRA `key` (its checksum), or none. MLError `lora_other_base` leaves the bare base."""
        if key == self.worn:
            return
        if key is None or tensors is None:
            self._bare()
            return
        try:
            check_lora(tensors, facts or {}, self.base, self.expected)
        except MLError:
            self._bare()
            raise
        try:
            self._on(tensors)
        except Exception:
            self.take_off()
            self._put_on_anew(tensors)
        self.worn = key

    def take_off(self) -> None:
        """No layer of a LoRA is left on the transformer, as a training wants it."""
        self.worn, self._layers = None, False
        self.pipe.unload_lora_weights()

    def _bare(self) -> None:
        if not self.always:
            self.take_off()
            return
        self._on({name: torch.zeros(shape, dtype=torch.float16) for name, shape in self.expected.items()})
        self.worn = None

    def _put_on_anew(self, tensors: dict[str, Any]) -> None:
        try:
            self._on(tensors)
        except Exception as e:
            self.take_off()
            raise MLError(
                "engine_failed", "The twin could not be put on the base. Nothing was made; try again."
            ) from e

    def _on(self, tensors: dict[str, Any]) -> None:
        """The first one brings its layers along; of the next ones only the weights are copied, from pinned memory without waiting."""
        if not self._layers:
            # Cloned: what has the base's type already would become its parameters, and the next swap would write into it.
            self.pipe.load_lora_weights({k: v.clone() for k, v in tensors.items()}, adapter_name=ADAPTER)
            self._layers = True
            return
        places = {file_name(n): p for n, p in self.pipe.transformer.named_parameters() if f".{ADAPTER}." in n}
        if places.keys() != tensors.keys():
            raise ValueError("the layers are not those of a twin")
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(tensors[name], non_blocking=True)
