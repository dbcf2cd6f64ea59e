"""Memory is estimated before anything is loaded: estimates against real steps, and the chosen
savings."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ml.catalogue import FLUX1, FLUX2
from ml.errors import MLError
from ml.local import memory, metering
from ml.local.memory import LADDER, Savings, plan_serving, plan_training, serving_peak, training_peak
from ml.local.metering import Workload

GB = 10**9
SIZES = [(512, 512), (768, 768), (1024, 1024)]
NANO = Path(memory.__file__).parent.parent / "nano/weights"

SCHNELL_CONFIG = {
    "_class_name": "FluxTransformer2DModel",
    "num_layers": 19,
    "num_single_layers": 38,
    "num_attention_heads": 24,
    "attention_head_dim": 128,
    "in_channels": 64,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": False,
}
KLEIN_CONFIG = {
    "_class_name": "Flux2Transformer2DModel",
    "num_layers": 5,
    "num_single_layers": 20,
    "num_attention_heads": 24,
    "attention_head_dim": 128,
    "in_channels": 128,
    "joint_attention_dim": 7680,
    "mlp_ratio": 3.0,
    "guidance_embeds": False,
    "axes_dims_rope": [32, 32, 32, 32],
}
SMALL = {
    "num_attention_heads": 4,
    "attention_head_dim": 64,
    "num_layers": 2,
    "num_single_layers": 3,
    "joint_attention_dim": 128,
}
SMALL_1 = SCHNELL_CONFIG | SMALL | {"pooled_projection_dim": 64, "axes_dims_rope": [8, 28, 28]}
SMALL_2 = KLEIN_CONFIG | SMALL | {"axes_dims_rope": [16, 16, 16, 16]}
VAE = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": 16,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "norm_num_groups": 32,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}

SCHNELL = Workload(SCHNELL_CONFIG, FLUX1.targets)
KLEIN = Workload(KLEIN_CONFIG, FLUX2.targets, tokens=512)
SMALL_JOB = Workload(SMALL_1, FLUX1.targets, tokens=64)


def allocated(run: Callable[[], Any]) -> int:
    """The peak bytes of `run`, from the allocations and frees that PyTorch's profiler
    reports."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as p:
        run()
    events = [e for e in p.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


# ------------------------------------------------------------ against reality


@pytest.mark.thorough  # by default a picture, below, is compared with what was foreseen
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_step_takes_what_was_foreseen(checkpointing: bool) -> None:
    from diffusers import FluxTransformer2DModel
    from peft import LoraConfig

    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = FluxTransformer2DModel.from_config(SMALL_1).to(torch.bfloat16).requires_grad_(False)
    net.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=FLUX1.targets))
    params = [p for n, p in net.named_parameters() if ".lora_" in n]
    for p in params:
        p.data = p.data.float()
    if checkpointing:
        net.enable_gradient_checkpointing()
    optimizer = torch.optim.AdamW(params, foreach=True)  # as on CUDA
    x, text, pooled = torch.randn(1, 256, 64), torch.randn(1, 64, 128), torch.randn(1, 64)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            v = net(
                hidden_states=x,
                timestep=torch.ones(1),
                encoder_hidden_states=text,
                pooled_projections=pooled,
                txt_ids=torch.zeros(64, 3),
                img_ids=torch.zeros(256, 3),
                return_dict=False,
            )[0]
        (v.float() - x).pow(2).mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()  # the first step allocates AdamW's moments
    held = sum(p.nbytes for p in net.parameters()) + 3 * sum(p.nbytes for p in params)
    foreseen = training_peak(SMALL_JOB, (256, 256), Savings(checkpointing), cuda=False) - held
    assert foreseen == pytest.approx(allocated(step), rel=0.03)


def test_a_picture_takes_what_was_foreseen(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    torch.set_num_threads(1)
    config = VAE | {"block_out_channels": [32, 64, 128, 128]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    vae, z = AutoencoderKL.from_config(config).requires_grad_(False), torch.randn(1, 16, 32, 32)
    foreseen = metering.decoding_bytes(tmp_path, (256, 256), torch.float32, 1)
    assert foreseen == pytest.approx(allocated(lambda: vae.decode(z)), rel=0.15)


@pytest.mark.thorough  # by default the figures of the plans, below, come from few blocks
@pytest.mark.parametrize(
    ("job", "checkpointing"), [(SMALL_JOB, False), (Workload(SMALL_2, FLUX2.targets), True)]
)
def test_few_blocks_tell_of_many(job: Workload, checkpointing: bool) -> None:
    assert metering.step_bytes(job, (512, 512), checkpointing) == metering._short_step(
        job, (512, 512), checkpointing, True, 2, 3
    )


@pytest.mark.parametrize(
    "job", [Workload(SMALL_1, FLUX1.targets), Workload(SMALL_2, FLUX2.targets)], ids=["flux1", "flux2"]
)
def test_8_bits_are_counted_as_they_are_stored(job: Workload) -> None:
    fp8 = pytest.importorskip("ml.local.fp8")
    net = metering.without_numbers(job.config, job.dtype)
    fp8.quantise(net, "meta")
    assert memory._parts(job).weights_in_8_bits == sum(t.nbytes for t in (*net.parameters(), *net.buffers()))


def test_no_score_matrix_is_kept() -> None:
    jobs = [Workload(SMALL_1, FLUX1.targets, tokens=n) for n in (1024, 3072)]
    few, many = [metering._short_step(job, (512, 512), False, True, 1, 1) for job in jobs]
    assert many == pytest.approx(
        2 * few, rel=0.05
    )  # linear in the tokens; with attention scores it would be quadratic


def test_on_cuda_norms_are_in_float32_and_take_more() -> None:
    norms = [f"aten::{name}" for name in ("rms_norm", "layer_norm", "group_norm")]
    assert all(torch._C._dispatch_has_kernel_for_dispatch_key(norm, "AutocastCUDA") for norm in norms)
    assert not any(torch._C._dispatch_has_kernel_for_dispatch_key(norm, "AutocastCPU") for norm in norms)
    cast, as_it_is = (metering.Kernels(autocast=True, cuda=cuda).cast for cuda in (True, False))
    assert {torch.float32} == {cast[f] for f in cast.keys() - as_it_is.keys()}


# ------------------------------------------------------------ the plan


@pytest.mark.thorough
def test_every_saving_saves_and_every_size_costs() -> None:
    by_savings = [training_peak(SCHNELL, SIZES[-1], savings) for savings in LADDER]
    assert by_savings == sorted(set(by_savings), reverse=True)
    by_size = [training_peak(SCHNELL, size, LADDER[-1]) for size in SIZES]
    assert by_size == sorted(set(by_size))


def test_what_else_lies_there_and_batch_and_rank_are_counted() -> None:
    def whole(**other: int) -> int:
        job = Workload(SMALL_1 | {"num_layers": 1, "num_single_layers": 1}, FLUX1.targets, **other)
        return training_peak(job, (256, 256))

    bare = whole()
    assert whole(extra=GB) == bare + GB
    assert whole(batch=2) > bare
    assert whole(rank=64) > bare


def says(free: float, job: Workload) -> str:
    try:
        return plan_training(int(free * GB), job, SIZES).says()
    except MLError as e:
        return e.code


def test_what_trains_flux1_schnell_on_which_accelerator() -> None:
    assert says(140, SCHNELL) == "fits: 61.8 of 140.0 GB at 1024 px, no checkpointing"
    assert says(80, SCHNELL) == "fits: 61.8 of 80.0 GB at 1024 px, no checkpointing"
    assert says(48, SCHNELL) == "fits: 27.7 of 48.0 GB at 1024 px, with checkpointing"
    assert says(24, SCHNELL) == "fits: 16.0 of 24.0 GB at 1024 px, with checkpointing, base in 8 bits"
    assert (
        says(16, SCHNELL)
        == "fits: 14.4 of 16.0 GB at 768 px, with checkpointing, base in 8 bits, AdamW in 8 bits"
    )
    assert says(12, SCHNELL) == says(8, SCHNELL) == "does_not_fit"


def test_what_trains_flux2_klein_on_which_accelerator() -> None:
    for free in (140, 80, 48):
        assert says(free, KLEIN) == f"fits: 27.6 of {free}.0 GB at 1024 px, no checkpointing"
    for free in (24, 16, 12):
        assert says(free, KLEIN) == f"fits: 10.2 of {free}.0 GB at 1024 px, with checkpointing"
    assert says(8, KLEIN) == "fits: 6.7 of 8.0 GB at 1024 px, with checkpointing, base in 8 bits"
    assert says(4, KLEIN) == "does_not_fit"


def test_what_does_not_fit_is_said_in_one_sentence_with_numbers() -> None:
    with pytest.raises(MLError) as e:
        plan_training(8 * GB, SCHNELL, SIZES)
    assert e.value.message == (
        "Training on this base needs 14.9 GB at 512 px and 8.0 GB are free: "
        "choose a smaller base or a larger accelerator, or close other programs on this one."
    )


def test_the_largest_sizes_go_one_by_one() -> None:
    largest = plan_training(16 * GB, SCHNELL, SIZES).sizes
    assert largest == ((512, 512), (768, 768))
    assert plan_training(17 * GB + GB // 4, SCHNELL, SIZES).sizes == tuple(SIZES)


def test_a_small_base_is_planned_at_once_and_draws_no_random_numbers() -> None:
    config = json.loads((NANO / "transformer/config.json").read_text())
    job = Workload(config, FLUX1.targets, tokens=48, batch=4, dtype=torch.float32)
    metering.without_numbers(
        config, torch.float32
    )  # imported first, so that the plan's time is measured alone
    random, start = torch.get_rng_state(), time.process_time()
    plan = plan_training(4 * GB, job, [(128, 128)])
    assert time.process_time() - start < 0.3
    assert plan.says() == "fits: under 0.2 of 4.0 GB at 128 px, no checkpointing"
    assert plan.needed > training_peak(job, (128, 128))  # the bound holds
    assert torch.equal(random, torch.get_rng_state())


def test_a_bound_holds_for_large_bases_too() -> None:
    for job in (SCHNELL, KLEIN):
        plan = plan_training(10_000 * GB, job, SIZES)
        assert plan.bound
        assert plan.needed > training_peak(job, SIZES[-1])


# ------------------------------------------------------------ serving


def written(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A sparse safetensors file: it has headers and takes no space on the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    header, end = {}, 0
    for name, shape in shapes.items():
        header[name] = {
            "dtype": "BF16",
            "shape": list(shape),
            "data_offsets": [end, end := end + 2 * math.prod(shape)],
        }
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        f.truncate(8 + len(text) + end)


@pytest.fixture(scope="module")
def schnell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FLUX.1 schnell's directory with sparse weight files of the real size."""
    folder = tmp_path_factory.mktemp("schnell")
    for part, config in (("transformer", SCHNELL_CONFIG), ("vae", VAE)):
        written(
            folder / part,
            {
                n: tuple(p.shape)
                for n, p in metering.without_numbers(config, torch.bfloat16).named_parameters()
            },
        )
        (folder / part / "config.json").write_text(json.dumps(config))
    written(folder / "text_encoder", {"all": (123_060_480,)})
    written(folder / "text_encoder_2", {"all": (4_762_310_656,)})
    return folder


def test_weights_are_known_from_headers_alone(schnell: Path) -> None:
    file = schnell / "transformer/model.safetensors"
    assert file.stat().st_size > 23 * GB
    assert file.stat().st_blocks * 512 < GB // 100
    assert memory._weights(schnell, SCHNELL, False, True) - memory._weights(schnell, SCHNELL, True, True) == (
        memory._parts(SCHNELL).weights - memory._parts(SCHNELL).weights_in_8_bits
    )
    with pytest.raises(MLError) as e:
        plan_serving(8 * GB, schnell, SCHNELL, (1024, 1024), texts=0)
    assert e.value.code == "does_not_fit"
    assert e.value.message.startswith("Rendering with this base needs 15.6 GB")
    assert " at 1024 px and 8.0 GB are free: choose" in e.value.message


def test_of_several_copies_those_that_the_index_names_are_counted(tmp_path: Path) -> None:
    written(tmp_path / "transformer", {"a": (1000, 10)})
    os.link(tmp_path / "transformer/model.safetensors", tmp_path / "transformer/copy.safetensors")
    assert memory._weights(tmp_path, SCHNELL, False, False) == 40_000
    index = {"weight_map": {"a": "copy.safetensors"}}
    (tmp_path / "transformer/model.safetensors.index.json").write_text(json.dumps(index))
    assert memory._weights(tmp_path, SCHNELL, False, False) == 20_000


def test_what_serves_flux1_schnell_on_which_accelerator(schnell: Path) -> None:
    def says(free: int) -> str:
        return plan_serving(free * GB, schnell, SCHNELL, (1024, 1024), texts=256).says()

    for free in (140, 80, 48):
        assert says(free) == f"fits: 36.4 of {free}.0 GB at 1024 px, all as it is"
    assert says(32) == "fits: 24.6 of 32.0 GB at 1024 px, transformer in 8 bits"
    assert says(24) == "fits: 14.8 of 24.0 GB at 1024 px, transformer in 8 bits, text encoders on the host"


def test_serving_costs_more_for_larger_pictures_and_kept_texts(schnell: Path) -> None:
    small, large = (serving_peak(schnell, SCHNELL, size, 0) for size in ((512, 512), (1024, 1024)))
    assert large > small
    assert serving_peak(schnell, SCHNELL, (512, 512), 100) == small + 100 * 256 * 4096 * 2


def test_the_nano_base_is_served_as_it_is() -> None:
    job = Workload(
        json.loads((NANO / "transformer/config.json").read_text()),
        FLUX1.targets,
        tokens=48,
        dtype=torch.float32,
    )
    assert plan_serving(4 * GB, NANO, job, (128, 192), texts=256).says().endswith("all as it is")


# ------------------------------------------------------------ what is free


def machine(root: Path, **files: str) -> Path:
    for name, text in {"proc/meminfo": "MemTotal: 99 kB\nMemAvailable:    8000 kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_computer_has_what_is_available(tmp_path: Path) -> None:
    assert memory.free_bytes("cpu", machine(tmp_path)) == 8_192_000
    assert memory.free_bytes("cpu") > 0


@pytest.mark.parametrize(
    ("limit", "free"), [("max", 8_192_000), ("5000000", 4_300_000), ("9000000000", 8_192_000)]
)
def test_a_container_has_what_its_limit_leaves(tmp_path: Path, limit: str, free: int) -> None:
    group = {"max": limit, "current": "1000000\n", "stat": "anon 700000\ninactive_file 300000\n"}
    machine(tmp_path, **{f"sys/fs/cgroup/memory.{name}": text for name, text in group.items()})
    assert memory.free_bytes("cpu", tmp_path) == free


def test_pictures_of_one_pass_are_decoded_together() -> None:
    one, four = (
        serving_peak(
            NANO,
            Workload(
                json.loads((NANO / "transformer/config.json").read_text()), FLUX1.targets, tokens=48, batch=n
            ),
            (128, 128),
            1,
        )
        for n in (1, 4)
    )
    weights = sum(
        f.stat().st_size
        for part in ("transformer", "vae", "text_encoder", "text_encoder_2")
        for f in (NANO / part).glob("*.safetensors")
    )
    assert four - weights > 3 * (one - weights)
