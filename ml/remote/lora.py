"""Checks a LoRA that comes back from a service: safetensors, of FLUX.1, every tensor in its place.

FLUX.1 (dev and schnell alike) has 19 double and 38 single blocks of width 3072. Files name its layers as
diffusers does ("transformer.transformer_blocks.0.attn.to_q.lora_A.weight") or as the first trainers did
("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import prod
from typing import Any

from ml.lorafile import FACTS, METADATA, with_metadata
from ml.remote.strict import BadJson, parse

WIDTH, DOUBLE, SINGLE = 3072, 19, 38
MOST_HEADER = 4_000_000  # bytes; a LoRA of all layers has about 0.2 MB
MOST_RANK = 512
BYTES = {"F16": 2, "BF16": 2, "F32": 4}
# Layer in a block -> (inputs, outputs) in widths. Names are in the form of `_plain`.
ATTENTION = ("to_q", "to_k", "to_v", "to_out_0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
IN_DOUBLE = {
    **dict.fromkeys((f"attn_{name}" for name in ATTENTION), (1, 1)),
    **dict.fromkeys(("ff_net_0_proj", "ff_context_net_0_proj"), (1, 4)),
    **dict.fromkeys(("ff_net_2", "ff_context_net_2"), (4, 1)),
    **dict.fromkeys(("norm1_linear", "norm1_context_linear"), (1, 6)),
}
IN_SINGLE = {
    **dict.fromkeys(("attn_to_q", "attn_to_k", "attn_to_v"), (1, 1)),
    "proj_mlp": (1, 4),
    "proj_out": (5, 1),
    "norm_linear": (1, 3),
}
OLD_DOUBLE = {
    f"{stream}_{name}": sizes
    for stream in ("img", "txt")
    for name, sizes in {
        "attn_qkv": (1, 3),
        "attn_proj": (1, 1),
        "mlp_0": (1, 4),
        "mlp_2": (4, 1),
        "mod_lin": (1, 6),
    }.items()
}
OLD_SINGLE = {"linear1": (1, 7), "linear2": (5, 1), "modulation_lin": (1, 3)}
BLOCKS = {
    "transformer_blocks": (DOUBLE, IN_DOUBLE),
    "single_transformer_blocks": (SINGLE, IN_SINGLE),
    "double_blocks": (DOUBLE, OLD_DOUBLE),
    "single_blocks": (SINGLE, OLD_SINGLE),
}
PREFIX = r"(?:base_model\.model\.)?(?:transformer\.|diffusion_model\.|lora_unet_|lora_transformer_)"
TENSOR = re.compile(
    rf"{PREFIX}(?P<kind>{'|'.join(BLOCKS)})[._](?P<block>\d\d?)[._](?P<layer>[a-z0-9_.]+?)"
    r"\.(?:(?P<down>lora_A|lora_down|lora\.down)|(?P<up>lora_B|lora_up|lora\.up)|(?P<alpha>alpha))(?:\.weight)?"
)


class NotALora(ValueError):
    """Not a LoRA of FLUX.1; the message says why, for the log."""


def check(data: bytes) -> dict[str, Any]:
    """The header of a whole LoRA file of FLUX.1. Raises NotALora."""
    header = _header(data)
    tensors = {name: row for name, row in header.items() if name != METADATA}
    _check_places(tensors, len(data) - 8 - int.from_bytes(data[:8], "little"))
    _check_layers(tensors)
    return header


def rank_of(header: Mapping[str, Any]) -> int:
    """The largest rank of a checked header."""
    found = ((TENSOR.fullmatch(name), row) for name, row in header.items())
    return max(row["shape"][0] for match, row in found if match and match["down"])


def with_facts(data: bytes, facts: Mapping[str, Any]) -> bytes:
    """The same tensors; the metadata are our facts alone."""
    return with_metadata(data, {"format": "pt", FACTS: json.dumps(facts)})


def without_facts(data: bytes) -> bytes:
    """The file as it goes to a service: no vector and nothing else of ours in it."""
    return with_metadata(data, {"format": "pt"})


def _header(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, MOST_HEADER):
        raise NotALora("no header")
    try:
        header = parse(data[8 : 8 + length])
    except BadJson as e:
        raise NotALora("the header is not JSON") from e
    if not isinstance(header, dict) or not all(isinstance(row, dict) for row in header.values()):
        raise NotALora("the header is no table")
    return header


def _check_places(tensors: Mapping[str, Any], size: int) -> None:
    """The tensors lie one after another and fill the file."""
    at = 0
    for start, end, row in sorted((_place(row) for row in tensors.values()), key=lambda place: place[:2]):
        wanted = prod(row["shape"]) * BYTES[row["dtype"]]
        if start != at or end - start != wanted:
            raise NotALora("the tensors do not fill the file")
        at = end
    if at != size or not tensors:
        raise NotALora("the file is too short or too long")


def _place(row: Mapping[str, Any]) -> tuple[int, int, Mapping[str, Any]]:
    offsets, shape = row.get("data_offsets"), row.get("shape")
    if not (_numbers(offsets) and _numbers(shape) and str(row.get("dtype")) in BYTES):
        raise NotALora("a tensor's place, shape or type is odd")
    assert isinstance(offsets, list)
    assert isinstance(shape, list)
    if len(offsets) != 2 or len(shape) > 2:
        raise NotALora("a tensor's place or shape is odd")
    return offsets[0], offsets[1], row


def _numbers(found: object) -> bool:
    return isinstance(found, list) and all(type(n) is int and 0 <= n < 2**40 for n in found)


def _check_layers(tensors: Mapping[str, Any]) -> None:
    """Every tensor is half of a LoRA on a layer of FLUX.1, of one rank with its other half."""
    downs: dict[tuple[str, str, str], int] = {}
    ups: dict[tuple[str, str, str], int] = {}
    for name, row in tensors.items():
        found = TENSOR.fullmatch(name)
        if not found:
            raise NotALora(f"{name[:80]!r} is no LoRA of a layer")
        if found["alpha"]:
            _check_alpha(row["shape"])
            continue
        inputs, outputs = _sizes(found)
        layer = (found["kind"], found["block"], _plain(found["layer"]))
        if found["down"]:
            downs[layer] = _rank(row["shape"], 0, inputs)
        else:
            ups[layer] = _rank(row["shape"], 1, outputs)
    if not downs or downs != ups:
        raise NotALora("a half of a layer is missing, or of another rank")


def _sizes(found: re.Match[str]) -> tuple[int, int]:
    count, layers = BLOCKS[found["kind"]]
    layer = _plain(found["layer"])
    if int(found["block"]) >= count or layer not in layers:
        raise NotALora(f"FLUX.1 has no layer {found['kind']} {found['block']} {layer[:40]}")
    inputs, outputs = layers[layer]
    return inputs * WIDTH, outputs * WIDTH


def _plain(layer: str) -> str:
    return layer.replace(".", "_")


def _rank(shape: list[int], axis: int, width: int) -> int:
    if len(shape) != 2 or shape[1 - axis] != width or not 1 <= shape[axis] <= MOST_RANK:
        raise NotALora(f"a layer of {shape} where its width is {width}")
    return shape[axis]


def _check_alpha(shape: list[int]) -> None:
    if prod(shape) != 1:
        raise NotALora("an alpha is one number")
