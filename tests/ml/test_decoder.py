"""The base's own decoder: it begins as the VAE's, is trained on pairs that lie on one another, and draws the
pictures that a base which has it delivers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.catalogue import NANO, Base, base_of
from ml.errors import MLError
from ml.local.engine import LocalEngine
from ml.local.loading import load_pipeline
from ml.local.sample import Sampler
from ml.nano import decoder_training as training
from ml.nano.export import load_net
from ml.nano.pairs import make_pairs
from ml.nano.presets import PRESETS
from ml.nano.stage import Clock
from ml.nano.steps import Steps
from ml.nano.vae import to_range
from ml.nets import decoder as own
from ml.nets.alignment import WEIGHTS as FACES
from ml.nets.decoder import Decoder
from ml.nets.embedder import Embedder
from ml.nets.reader import WEIGHTS as READER
from ml.nets.reader import ReaderNet
from ml.types import RenderSpec
from tests.ml.test_build import After

ASKED: dict[str, Any] = {"size": (64, 80), "steps": 1}


def begun(pipe: Any) -> Decoder:
    torch.manual_seed(5)
    decoder = Decoder(tuple(reversed(pipe.vae.config.block_out_channels)))
    decoder.begin_from(pipe.vae.decoder)
    return decoder


@pytest.fixture
def base(tiny_folder: Path, tmp_path: Path, pipe: Any) -> Base:
    """A base with a decoder of its own, whose detail is random."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_folder, folder)
    decoder = begun(pipe)
    torch.nn.init.normal_(decoder.detail.out.weight, std=0.2)
    own.save(decoder, folder)
    return base_of("nano", folder)


def test_it_begins_with_the_vaes_pictures_enlarged(pipe: Any) -> None:
    z = torch.randn(2, 16, 8, 6, generator=torch.Generator().manual_seed(1))
    decoder = begun(pipe)
    with torch.no_grad():
        small, whole = pipe.vae.decode(z).sample, decoder(z)
    assert torch.allclose(decoder.small(decoder.features(z)), small, atol=1e-5)
    assert whole.shape == (2, 3, 256, 192)
    assert torch.allclose(whole, own.larger(small, 4), atol=1e-4)


def test_it_has_at_most_eight_million_parameters() -> None:
    assert sum(p.numel() for p in Decoder().parameters()) < 8e6


def test_a_part_of_the_picture_has_the_whole_pictures_detail(pipe: Any) -> None:
    decoder, features = begun(pipe), torch.randn(1, 8, 40, 40)
    torch.nn.init.normal_(decoder.detail.out.weight)
    whole, part = decoder.detail(features), decoder.detail(features[..., 8:32, 8:32])
    assert torch.allclose(whole[..., 64:96, 64:96], part[..., 32:64, 32:64], atol=1e-4)


def test_a_base_with_it_delivers_its_pictures_and_keeps_the_small_ones(base: Base, pipe: Any) -> None:
    plain, sampler = Sampler(pipe, base), Sampler(load_pipeline(base, "cpu"), base)
    small = sampler.sample("smiling", seed=3, **ASKED)
    assert (small == plain.sample("smiling", seed=3, **ASKED)).all()
    (raw,) = sampler.raw_batch(["smiling"], seeds=[3], **ASKED)
    made = sampler.deliver(raw)
    assert made.shape == (320, 256, 3)
    assert made.dtype == np.uint8
    assert not np.array_equal(made, plain.enlarge(small))
    assert (sampler.small(raw) == small).all()


def test_the_engine_delivers_its_pictures(base: Base, tmp_path: Path) -> None:
    def made(source: str) -> np.ndarray:
        engine = LocalEngine("nano", source=source, keys=tmp_path / "keys", threads=1)
        return engine.models()[1].deliver(
            engine._sample(engine.models()[1], RenderSpec("in a park", steps=1), "a woman", [4], None)[0]
        )

    with_it = made(base.source)
    (Path(base.source) / own.FILE).unlink()
    without = made(base.source)
    assert with_it.shape == without.shape == (512, 512, 3)
    assert not np.array_equal(with_it, without)


def test_one_of_another_version_or_vae_is_not_used(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(base.source)
    assert own.load(folder, 4) is not None
    with monkeypatch.context() as later:
        later.setattr(own, "VERSION", 3)
        assert own.load(folder, 4) is None
        assert load_pipeline(base, "cpu").own_decoder is None
    shutil.copy(NANO / "vae" / "diffusion_pytorch_model.safetensors", folder / "vae")
    assert own.load(folder, 4) is None


@pytest.mark.parametrize("kept", [4, 4000])
def test_a_damaged_one_is_told(base: Base, kept: int) -> None:
    file = Path(base.source) / own.FILE
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(MLError) as e:
        load_pipeline(base, "cpu")
    assert e.value.code == "base_broken"


def test_pairs_lie_on_one_another(tmp_path: Path) -> None:
    """Latents after the base's own last steps are nearer to their drawing's than to any other's."""
    base = base_of("nano")
    pipe = load_pipeline(base, "cpu")
    assert make_pairs(tmp_path, pipe, base, range(3), Clock(None))
    with np.load(tmp_path / "part-000000.npz") as part:
        drawings, z = part["b0"], torch.from_numpy(part["z0"]).float()
    width, height = base.sizes.by_aspect["1:1"]
    times = base.sizes.enlarge
    assert drawings.shape[1:] == (height * times, width * times, 3)
    small = torch.nn.functional.avg_pool2d(to_range(drawings, "cpu"), times)
    apart = torch.cdist(z[:, 1].flatten(1), pipe.vae.encode(small).latent_dist.mode().flatten(1))
    assert (apart.argmin(1) == torch.arange(len(z))).all()
    assert not make_pairs(tmp_path, pipe, base, range(100, 102), After(0))


def pairs() -> Any:
    rng = np.random.default_rng(2)
    drawings = rng.integers(0, 255, (4, 256, 256, 3), dtype=np.uint8)
    return {0: (np.arange(4), drawings, rng.standard_normal((4, 2, 16, 8, 8)).astype(np.float16))}


def trained(path: Path, pipe: Any, clock: Clock) -> Any:
    judges = load_net(Embedder(), FACES), load_net(ReaderNet(), READER)
    return training.train_own_decoder(
        path, begun(pipe), *judges, pairs(), clock, steps=4, batch=2, device="cpu"
    )


@pytest.mark.thorough
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    pipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CROP", 64)
    monkeypatch.setattr(training, "ALONE", 0.3)  # the rival begins after two of four steps
    whole = trained(tmp_path / "a.pt", pipe, Clock(None))
    assert trained(tmp_path / "b.pt", pipe, After(3)) is None
    again = trained(tmp_path / "b.pt", pipe, Clock(None))
    assert all(torch.equal(p, again.state_dict()[n]) for n, p in whole.state_dict().items())
    assert not torch.equal(whole.detail.out.weight, torch.zeros_like(whole.detail.out.weight))


def test_the_stage_gives_the_base_its_decoder(tiny_folder: Path, tmp_path: Path) -> None:
    folder, work = tmp_path / "base", tmp_path / "work"
    shutil.copytree(tiny_folder, folder)
    preset = replace(PRESETS["tiny"], pairs=2)
    assert Steps(work, folder, FACES.parent, preset, Clock(None), "cpu").own_decoder()
    assert own.load(folder, 4) is not None
    assert json.loads((folder / "nano.json").read_text())["pixels"] == 128
