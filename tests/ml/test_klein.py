"""FLUX.2 klein with the same code: its classes, one block deep, trained on one transformer and served by
another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import BASES, Base, Sizes
from ml.errors import MLError
from ml.local import lora
from ml.local.dataset import Example
from ml.local.families import encode_picture, encode_text, family_of
from ml.local.files import find_undistilled
from ml.local.loading import load_pipeline, load_undistilled
from ml.local.sample import Sampler, to_levels
from ml.local.train import TrainingState, train
from ml.local.weights import FolderStore, checksum, dump, parse
from ml.types import TrainSpec
from tests.ml import klein

TEXT = "photo of ohwx woman, smiling"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return klein.save(tmp_path_factory.mktemp("klein"))


@pytest.fixture(scope="module")
def base(folders: tuple[Path, Path]) -> Base:
    serve, trained = folders
    recipe = replace(BASES["flux2-klein"].recipe, batch=2, rate=1e-2)
    return replace(
        BASES["flux2-klein"],
        source=str(serve),
        undistilled=str(trained),
        dtype="float32",
        tokens=40,
        sizes=Sizes({"1:1": (64, 64)}, train=((64, 64),)),
        recipe=recipe,
    )


@pytest.fixture
def pipe(base: Base) -> Any:
    return load_pipeline(base, "cpu")


def examples(pipe: Any, base: Base) -> list[Example]:
    g = torch.Generator().manual_seed(0)
    latents = [encode_picture(pipe, base, torch.rand(1, 3, 64, 64, generator=g) * 2 - 1) for _ in range(3)]
    return [
        Example(f"p{i}", (64, 64), z, torch.ones(1, 16, 1), encode_text(pipe, base, TEXT), TEXT)
        for i, z in enumerate(latents)
    ]


def asked(text: Any) -> dict[str, Any]:
    """What the pipeline is asked for."""
    return {"prompt_embeds": text[0], "guidance_scale": 1.0, "width": 96, "height": 64}


def test_from_noise_alone_our_sampling_is_the_pipelines(pipe: Any, base: Base) -> None:
    ours = Sampler(pipe, base).sample(TEXT, size=(96, 64), steps=3, seed=5)
    theirs = pipe(
        **asked(encode_text(pipe, base, TEXT)),
        num_inference_steps=3,
        output_type="np",
        generator=torch.Generator().manual_seed(5),
    )[0][0]
    assert np.abs(ours.astype(int) - to_levels(theirs)).max() <= 1


def test_our_tokens_are_the_pipelines(pipe: Any, base: Base) -> None:
    """Our latents, positions and velocity equal the pipeline's."""
    pixels = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    z = pipe._encode_vae_image(pixels, generator=torch.Generator())
    assert torch.allclose(encode_picture(pipe, base, pixels), pipe._pack_latents(z), atol=1e-5)
    text, seen = encode_text(pipe, base, TEXT), {}

    def look(module: Any, args: Any, asked: dict[str, Any]) -> None:
        seen.update(asked)

    hook = pipe.transformer.register_forward_pre_hook(look, with_kwargs=True)
    pipe(
        **asked(text), num_inference_steps=1, output_type="latent", generator=torch.Generator().manual_seed(2)
    )
    hook.remove()
    with torch.no_grad():
        said = pipe.transformer(**seen)[0]
        ours = family_of(base).velocity(
            pipe.transformer, seen["hidden_states"], seen["timestep"], text, (96, 64)
        )
    assert torch.equal(ours, said)


def test_it_is_trained_on_one_transformer_and_shown_on_another(pipe: Any, base: Base, tmp_path: Path) -> None:
    trained = load_undistilled(base, "cpu")
    assert trained is not None
    before = Sampler(pipe, base).sample(TEXT, size=(64, 64), steps=2, seed=3)
    frozen = {n: p.clone() for n, p in trained.named_parameters()}
    run = TrainingState.start(trained, base, 4, sampling=pipe.transformer)
    spec, ex, store = TrainSpec((), seed=4), examples(pipe, base), FolderStore(tmp_path)
    train(run, base, ex, encode_text(pipe, base, ""), spec, 12, store, lambda stage, share: False)
    assert run.losses[-1] < run.losses[0]
    assert all(
        torch.equal(p, frozen[n.replace(".base_layer", "")])
        for n, p in trained.named_parameters()
        if ".lora_" not in n
    )
    run.show(run.kept[12])
    after = Sampler(pipe, base).sample(TEXT, size=(64, 64), steps=2, seed=3)
    assert (after != before).any()
    # Loaded from its file onto an untrained base, it gives the same picture.
    tensors = {lora.file_name(n): p.detach().half() for n, p in zip(lora.names(pipe.transformer), run.shown)}
    data = dump(tensors, {"base": base.name})
    other = load_pipeline(base, "cpu")
    lora.Swapper(other, base).load(checksum(data), *parse(data))
    again = Sampler(other, base).sample(TEXT, size=(64, 64), steps=2, seed=3)
    assert np.abs(again.astype(int) - after.astype(int)).max() <= 2  # half precision


def test_what_it_is_trained_on_is_missing_or_broken(base: Base, tmp_path: Path) -> None:
    with pytest.raises(MLError, match=r"ml fetch flux2-klein") as e:
        find_undistilled(replace(base, undistilled=str(tmp_path / "nowhere")))
    assert e.value.code == "base_missing"
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "config.json").write_text("{}")
    with pytest.raises(MLError, match="holds no weights") as e:
        find_undistilled(replace(base, undistilled=str(tmp_path)))
    assert e.value.code == "base_broken"


def test_a_base_of_another_family_is_refused(base: Base, tiny_folder: Path) -> None:
    with pytest.raises(MLError, match="another kind of model") as e:
        load_pipeline(replace(base, source=str(tiny_folder)), "cpu")
    assert e.value.code == "base_broken"
