"""A LoRA on a base: a fresh one has no effect, its file restores it, a swap removes the old one, foreign
files are refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import Base, base_of
from ml.errors import MLError
from ml.local import lora
from ml.local.families import encode_picture
from ml.local.files import find
from ml.local.latents import image_ids, pack
from ml.local.loading import load_pipeline
from ml.local.sample import Sampler
from ml.local.weights import check_lora, checksum, dump, facts_of, parse

FACTS = {"base": "nano"}
TEXT = "photo of ohwx woman, smiling, in a park"


def picture(pipe: Any, base: Base) -> np.ndarray:
    return Sampler(pipe, base).sample(TEXT, size=(64, 64), steps=2, seed=3)


def trained(pipe: Any, base: Base, seed: int = 0) -> dict[str, torch.Tensor]:
    """A LoRA with a visible effect, as its file's tensors; it stays loaded in the pipeline."""
    params = lora.add(pipe.transformer, base, seed)
    g = torch.Generator().manual_seed(seed)
    for p in params:
        p.data += 0.1 * torch.randn(p.shape, generator=g)
    return {lora.file_name(n): p.detach().half() for n, p in zip(lora.names(pipe.transformer), params)}


def test_a_fresh_lora_changes_nothing(pipe: Any, tiny: Base) -> None:
    before = picture(pipe, tiny)
    lora.add(pipe.transformer, tiny, seed=0)
    assert (picture(pipe, tiny) == before).all()


def test_a_file_holds_what_was_trained(pipe: Any, tiny: Base) -> None:
    bare = picture(pipe, tiny)
    tensors = trained(pipe, tiny)
    for name, p in zip(
        lora.names(pipe.transformer), [p for n, p in pipe.transformer.named_parameters() if ".twin." in n]
    ):
        p.data = tensors[lora.file_name(name)].float()
    loaded = picture(pipe, tiny)
    data = dump(tensors, {"base": "nano"})
    lora.remove(pipe.transformer)
    assert (picture(pipe, tiny) == bare).all()
    swapper = lora.Swapper(pipe, tiny)
    swapper.load(checksum(data), *parse(data))
    assert (picture(pipe, tiny) == loaded).all()
    assert (loaded != bare).any()


def test_plain_diffusers_loads_our_file(pipe: Any, tiny: Base, tmp_path: Any) -> None:
    from diffusers import FluxPipeline

    (tmp_path / "twin.safetensors").write_bytes(dump(trained(pipe, tiny), {"base": "nano"}))
    plain = FluxPipeline.from_pretrained(find(tiny))
    plain.load_lora_weights(tmp_path, weight_name="twin.safetensors")
    assert len(plain.get_active_adapters()) == 1
    active = [m for m in plain.transformer.modules() if hasattr(m, "lora_A") and len(m.lora_A)]
    assert len(active) == len(lora.expected_shapes(plain.transformer, tiny)) // 2


def test_swapping_loads_one_twin_at_a_time(pipe: Any, tiny: Base) -> None:
    one, two = trained(pipe, tiny, 1), None
    lora.remove(pipe.transformer)
    two = trained(pipe, tiny, 2)
    lora.remove(pipe.transformer)
    bare, swapper = picture(pipe, tiny), lora.Swapper(pipe, tiny)
    swapper.load("one", one, FACTS)
    first = picture(pipe, tiny)
    swapper.load("two", two, FACTS)
    second = picture(pipe, tiny)
    swapper.load("one", one, FACTS)
    assert (picture(pipe, tiny) == first).all()
    assert (first != second).any()
    swapper.load(None)
    assert (picture(pipe, tiny) == bare).all()


def test_a_swap_leaves_the_resident_twins_as_they_are(pipe: Any, tiny: Base) -> None:
    """Also if their dtype is the base's, so that loading without a copy would work."""
    one = {k: v.float() for k, v in trained(pipe, tiny, 1).items()}
    lora.remove(pipe.transformer)
    two = {k: v + 1 for k, v in one.items()}
    before = {k: v.clone() for k, v in one.items()}
    swapper = lora.Swapper(pipe, tiny)
    swapper.load("one", one, FACTS)
    swapper.load("two", two, FACTS)
    assert all(torch.equal(one[k], before[k]) for k in one)


def test_a_failed_swap_never_leaves_the_last_twin_on(pipe: Any, tiny: Base) -> None:
    one = trained(pipe, tiny, 1)
    lora.remove(pipe.transformer)
    bare, swapper = picture(pipe, tiny), lora.Swapper(pipe, tiny)
    swapper.load("one", one, FACTS)
    with pytest.raises(MLError) as e:
        swapper.load("two", {k: v[:, :-1] for k, v in one.items()}, FACTS)
    assert e.value.code == "lora_other_base"
    assert swapper.loaded is None
    assert (picture(pipe, tiny) == bare).all()


def test_a_hot_swap_that_breaks_is_done_again_from_nothing(pipe: Any, tiny: Base) -> None:
    one = trained(pipe, tiny, 1)
    lora.remove(pipe.transformer)
    swapper = lora.Swapper(pipe, tiny)
    swapper.load("one", one, FACTS)
    loaded = picture(pipe, tiny)
    pipe.transformer.delete_adapters(lora.ADAPTER)  # a swap needs this adapter
    swapper.loaded = "other"
    swapper.load("one", one, FACTS)
    assert (picture(pipe, tiny) == loaded).all()


def test_a_swap_that_breaks_half_way_leaves_nobody_half_on(
    pipe: Any, tiny: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trained(pipe, tiny, 1)
    lora.remove(pipe.transformer)
    two = trained(pipe, tiny, 2)
    lora.remove(pipe.transformer)
    swapper = lora.Swapper(pipe, tiny)
    swapper.load("two", two, FACTS)
    alone = picture(pipe, tiny)
    swapper.load("one", one, FACTS)

    class Broken:
        """Half of the weights can be read."""

        def __init__(self) -> None:
            self.reads = 0

        def __call__(self, place: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
            self.reads += 1
            if self.reads == len(two) // 2:
                raise RuntimeError("the device says no")
            return copy(place, *args, **more)

    copy = torch.Tensor.copy_
    broken = Broken()
    with monkeypatch.context() as m:
        m.setattr(torch.Tensor, "copy_", lambda place, *args, **more: broken(place, *args, **more))
        swapper.load("two", two, FACTS)
    assert broken.reads >= len(two) // 2
    assert (picture(pipe, tiny) == alone).all()


def test_where_layers_stay_the_base_alone_has_a_lora_of_zeros(pipe: Any, tiny: Base) -> None:
    one = trained(pipe, tiny, 1)
    lora.remove(pipe.transformer)
    bare = picture(pipe, tiny)
    swapper = lora.Swapper(pipe, tiny, always=True)
    layers = [n for n, _ in pipe.transformer.named_parameters()]
    assert (picture(pipe, tiny) == bare).all()
    swapper.load("one", one, FACTS)
    assert (picture(pipe, tiny) != bare).any()
    swapper.load(None)
    assert (picture(pipe, tiny) == bare).all()
    assert [n for n, _ in pipe.transformer.named_parameters()] == layers
    swapper.unload()
    assert not any(".lora_" in n for n, _ in pipe.transformer.named_parameters())


@pytest.mark.parametrize(
    "facts, change, says",
    [
        ({"base": "flux-schnell"}, lambda t: t, "trained on the base flux-schnell"),
        ({}, lambda t: t, "another program"),
        ({"base": "nano"}, lambda t: {k: v for k, v in t.items() if "ff" not in k}, "layers do not fit"),
        (
            {"base": "nano"},
            lambda t: {k: v[:8] if "lora_A" in k else v[:, :8] for k, v in t.items()},
            "layers do not fit",
        ),
    ],
)
def test_a_lora_of_another_kind_is_refused(
    pipe: Any, tiny: Base, facts: dict, change: Any, says: str
) -> None:
    tensors = trained(pipe, tiny)
    lora.remove(pipe.transformer)
    with pytest.raises(MLError, match=says) as e:
        check_lora(change(tensors), facts, tiny, lora.expected_shapes(pipe.transformer, tiny))
    assert e.value.code == "lora_other_base"


def test_a_pickle_with_another_name_is_not_opened(tmp_path: Any) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "sprung"), "w"))

    with pytest.raises(MLError) as e:
        parse(pickle.dumps({"w": Trap()}))
    assert e.value.code == "lora_broken"
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(cut: int) -> None:
    data = dump({"a": torch.ones(4)}, {"base": "nano"})
    with pytest.raises(MLError) as e:
        facts_of(data[:cut])
    assert e.value.code == "lora_broken"


def test_a_file_that_changed_since_training_is_refused() -> None:
    data = dump({"a": torch.ones(4)}, {"base": "nano"})
    with pytest.raises(MLError, match="changed"):
        parse(data[:-1] + bytes([data[-1] ^ 1]), checksum(data))


def test_a_missing_base_is_one_sentence(tmp_path: Any) -> None:
    with pytest.raises(MLError) as e:
        load_pipeline(base_of("nano", tmp_path), "cpu")
    assert e.value.code == "base_missing"
    with pytest.raises(MLError) as e:
        base_of("no-such-base")
    assert e.value.code == "unknown_base"


def test_a_base_with_a_missing_part_is_broken(tiny_folder: Any, tmp_path: Any) -> None:
    import shutil

    shutil.copytree(tiny_folder, tmp_path / "base")
    (tmp_path / "base" / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(MLError) as e:
        load_pipeline(base_of("nano", tmp_path / "base"), "cpu")
    assert e.value.code == "base_broken"


def test_our_packing_is_the_pipelines() -> None:
    from diffusers import FluxPipeline

    z = torch.arange(2 * 16 * 4 * 6, dtype=torch.float32).view(2, 16, 4, 6)
    packed = pack(z)
    assert (packed == FluxPipeline._pack_latents(z, 2, 16, 4, 6)).all()
    assert (FluxPipeline._unpack_latents(packed, 32, 48, 8) == z).all()
    assert (
        image_ids(4, 6, "cpu") == FluxPipeline._prepare_latent_image_ids(2, 2, 3, "cpu", torch.float32)
    ).all()


def test_latents_are_centred_by_the_vaes_figures(pipe: Any, tiny: Base) -> None:
    x = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    pipe.vae.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    raw = pipe.vae.encode(x).latent_dist.mode()
    assert torch.allclose(encode_picture(pipe, tiny, x), pack((raw - 0.5) * 2))
