"""The bases a twin can be trained on, as plain data without torch: settings, pages, prices and engines read
them here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ml.errors import MLError
from ml.sizes import ENLARGE, SIZES, pixels_of
from ml.types import ASPECTS, QUALITIES

NANO = Path(__file__).resolve().parent / "nano" / "weights"


@dataclass(frozen=True)
class Layout:
    """A family of models. `pipeline` and `transformer` are class names of diffusers. `encoders` are the
    pipeline's text encoders. `targets` is a regular expression for the layers that get a LoRA (full match,
    see peft): all attention and feed-forward projections. `ml.local.families` has each family's functions."""

    name: str
    pipeline: str
    transformer: str
    encoders: tuple[str, ...]
    targets: str


FLUX1 = Layout(
    name="flux1",
    pipeline="FluxPipeline",
    transformer="FluxTransformer2DModel",
    encoders=("text_encoder", "text_encoder_2"),
    targets=(
        r"transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
        r"|ff\.net\.0\.proj|ff\.net\.2|ff_context\.net\.0\.proj|ff_context\.net\.2)"
        r"|single_transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v)|proj_mlp|proj_out)"
    ),
)
FLUX2 = Layout(
    name="flux2",
    pipeline="Flux2KleinPipeline",
    transformer="Flux2Transformer2DModel",
    encoders=("text_encoder",),
    targets=(
        r"transformer_blocks\.\d+\.(attn\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
        r"|ff\.linear_in|ff\.linear_out|ff_context\.linear_in|ff_context\.linear_out)"
        r"|single_transformer_blocks\.\d+\.attn\.(to_qkv_mlp_proj|to_out)"
    ),
)


@dataclass(frozen=True)
class Recipe:
    """How a twin is trained on a base. Measurements of each choice: docs/engine.md, "The recipe, choice by
    choice"."""

    rate: float = 1e-4  # AdamW's learning rate
    batch: int = 1
    steps_per_photo: int = 80
    steps_least: int = 600
    steps_most: int = 2000
    zooms: tuple[float, ...] = (1.1,)  # one crop each: half the crop's side / height of the face's box
    upright: bool = False  # rotates crops until the eyes are level, for a base trained on upright heads only
    captions: str = "read"  # "read": by the base's captioner; "plain": trigger and class word
    dropout: float = 0.05  # share of examples trained without a caption
    large: float = 0.25  # share of the steps, at the end, that train at the largest size; the rest do not
    prior: float = 0.0  # share of steps of prior preservation: the class word without the trigger
    times: str = "mixed"  # or "sigmoid", "shifted", "uniform": see local/times.py
    rollout: float = 0.0  # share of steps that start from the model's own sampling step; needs `low`
    low: float = 0.0  # below this t the loss is the error of the predicted picture, not of the velocity
    mask_floor: float = 0.3  # the loss's weight away from the face; on the face it is 1
    ema: float = 0.99
    compile_from: int | None = 1500  # steps from which compiling the blocks pays, on accelerators
    checkpoints: int = 4  # how many are compared
    prompts: int = 12  # scenes rendered to score each checkpoint
    seeds: int = 2
    holdout: float = 0.2  # share of the photos held out for scoring, at least two


@dataclass(frozen=True)
class Sizes:
    """Rendered sizes in pixels (width, height) by aspect, multiples of 16. Pictures are delivered `enlarge`
    times as large. `train` lists the training buckets, the largest last."""

    by_aspect: dict[str, tuple[int, int]]
    train: tuple[tuple[int, int], ...]
    enlarge: int = 1


@dataclass(frozen=True)
class Service:
    """A company that runs engines for others. `privacy_url` is its own privacy statement."""

    name: str
    company: str
    country: str  # ISO 3166, where the company is
    privacy_url: str


SERVICES = {
    "fal": Service("fal", "fal.ai (Features & Labels, Inc.)", "US", "https://fal.ai/legal/privacy-policy"),
    "together": Service(
        "together", "Together AI (Together Computer, Inc.)", "US", "https://www.together.ai/privacy"
    ),
}


@dataclass(frozen=True)
class Base:
    """One base model. `source` is a hub id or a directory in diffusers' layout; of a hosted base, the name of
    the model at its service."""

    name: str
    source: str
    licence: str
    recipe: Recipe
    sizes: Sizes
    files: tuple[str, ...]  # patterns of the files to fetch from the source
    layout: Layout = FLUX1
    revision: str | None = None
    licence_url: str = ""
    adapter: str | None = None  # hub id or file of a training adapter: loaded in training, not in sampling
    undistilled: str | None = None  # hub id or directory of the transformer to train, if not the served one
    captioner: str | None = None  # the net that captions photos; None: trigger and class word
    photorealistic: bool = True  # its pictures can deceive: training asks for proof of likeness
    resolution: int = 512  # px of a picture's side in training, as the API calls it
    dtype: str = "bfloat16"
    tokens: int = 256  # length of the text's sequence
    true_cfg: float = 1.0  # guidance scale; above 1, a second pass steers away from the negative prompt
    steps: tuple[int, int, int] = (2, 4, 8)  # draft, standard, high
    batch: int = 1  # pictures in one pass; above 1, a seed's last bits depend on the number of pictures
    rank: int = 16
    floor: float = 0.5  # median likeness below which a twin does not count as recognised
    lowercase: bool = False  # its tokenizers support lower case only
    service: str = ""  # of SERVICES: where it runs; "" on this machine
    trains: bool = True  # whether twins can be trained on it
    serves: tuple[str, ...] = ()  # other bases whose LoRAs it renders too
    references: bool = True  # whether it begins from a picture: image-to-image, repairs
    video: str = ""  # of VIDEO_BASES: what moves its pictures; "" where nothing does


@dataclass(frozen=True)
class VideoBase:
    """What makes clips of pictures. `source` as of a Base; its `files` are fetched like a base's. `words`:
    whether it follows any motion in free text; else it knows motions.MOTIONS, also where words name them."""

    name: str
    source: str
    licence: str
    words: bool
    files: tuple[str, ...] = ()
    revision: str | None = None
    licence_url: str = ""
    service: str = ""  # of SERVICES: where it runs; "" on this machine
    area: int = 0  # pixels of a frame, 0: as the picture
    dtype: str = "bfloat16"
    steps: int = 0
    guidance: float = 1.0
    adapter: str | None = None
    undistilled: str | None = None


# Repositories also hold a single-file copy of the transformer. It is not fetched.
FLUX1_FILES = (
    "model_index.json",
    "scheduler/*",
    "text_encoder/*",
    "text_encoder_2/*",
    "tokenizer/*",
    "tokenizer_2/*",
    "transformer/*",
    "vae/*",
)
FLUX2_FILES = ("model_index.json", "scheduler/*", "text_encoder/*", "tokenizer/*", "transformer/*", "vae/*")

BUCKETS = ((512, 512), (768, 768), (1024, 1024))
MEGAPIXEL = 1024 * 1024


def sizes_of_area(area: int, step: int = 16) -> dict[str, tuple[int, int]]:
    """Each aspect's size of about `area` pixels, its sides multiples of `step`."""
    out = {}
    for name in ASPECTS:
        w, h = map(int, name.split(":"))
        scale = (area / (w * h)) ** 0.5
        out[name] = (round(w * scale / step) * step, round(h * scale / step) * step)
    return out


def sizes_billed_as_one() -> dict[str, tuple[int, int]]:
    """Sizes of at most a million pixels: services bill by the megapixel, some by each one begun."""
    return sizes_of_area(980_000)


def nano_sizes(weights: Path) -> Sizes:
    pixels = pixels_of(weights)
    return Sizes(SIZES[pixels], train=(SIZES[pixels]["1:1"],), enlarge=ENLARGE[pixels])


BASES = {
    "nano": Base(
        name="nano",
        source=str(NANO),
        licence="PhotoFlux's own, ships with it",
        files=(*FLUX1_FILES, "decoder.safetensors"),
        captioner="reader",
        photorealistic=False,
        dtype="float32",
        tokens=48,
        true_cfg=3.0,
        video="nano-motion",
        steps=(4, 6, 12),
        batch=4,
        lowercase=True,
        sizes=nano_sizes(NANO),
        recipe=Recipe(
            rate=2e-3,
            batch=4,
            steps_per_photo=50,
            steps_least=400,
            steps_most=600,
            zooms=(0.91, 0.88, 0.94),
            upright=True,
            rollout=0.5,
            low=0.5,
            compile_from=None,
            checkpoints=3,
            prompts=8,
            seeds=1,
        ),
    ),
    "flux-schnell": Base(
        name="flux-schnell",
        source="black-forest-labs/FLUX.1-schnell",
        licence="Apache-2.0",
        revision="741f7c3ce8b383c54771c7003378a50191e9efe9",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        files=FLUX1_FILES,
        adapter="ostris/FLUX.1-schnell-training-adapter",
        video="wan2-2-ti2v",
        sizes=Sizes(sizes_of_area(MEGAPIXEL), train=BUCKETS),
        recipe=Recipe(),
    ),
    "flux2-klein": Base(
        name="flux2-klein",
        source="black-forest-labs/FLUX.2-klein-4B",
        licence="Apache-2.0",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        files=FLUX2_FILES,
        layout=FLUX2,
        undistilled="black-forest-labs/FLUX.2-klein-base-4B",
        video="wan2-2-ti2v",
        tokens=512,
        sizes=Sizes(sizes_of_area(MEGAPIXEL), train=BUCKETS),
        recipe=Recipe(),
    ),
}


BASES |= {
    "fal": Base(
        name="fal",
        source="fal-ai/flux-lora",
        licence="FLUX.1-dev, hosted by fal",
        licence_url="https://fal.ai/models/fal-ai/flux-lora",
        files=(),
        service="fal",
        references=False,
        video="fal-wan",
        tokens=512,
        steps=(14, 28, 40),
        sizes=Sizes(sizes_billed_as_one(), train=BUCKETS),
        # The service's own number of steps, and one checkpoint. Four scenes, 3.5 US cents each, measure it
        # and are the training's samples.
        recipe=Recipe(steps_least=2500, steps_most=2500, checkpoints=1, prompts=4, seeds=1),
    ),
    "together": Base(
        name="together",
        source="black-forest-labs/FLUX.1-schnell",
        licence="Apache-2.0, hosted by Together",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        files=(),
        service="together",
        references=False,
        trains=False,
        serves=("flux-schnell",),
        sizes=Sizes(sizes_billed_as_one(), train=BUCKETS),
        recipe=Recipe(),
    ),
}


VIDEO_BASES = {
    "nano-motion": VideoBase(
        name="nano-motion", source=str(NANO), licence="PhotoFlux's own, ships with it", words=False
    ),
    "wan2-2-ti2v": VideoBase(
        name="wan2-2-ti2v",
        source="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        licence="Apache-2.0",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        files=FLUX2_FILES,
        words=True,
        area=1280 * 704,
        steps=50,
        guidance=5.0,
    ),
    "fal-wan": VideoBase(
        name="fal-wan",
        source="fal-ai/wan/v2.2-5b/image-to-video",
        licence="Apache-2.0 (Wan 2.2 TI2V-5B), run by fal",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        words=True,
        service="fal",
    ),
}


def video_of(base: Base, source: str | Path | None = None) -> VideoBase | None:
    """What makes clips of a base's pictures, None where nothing does; a local directory `source` replaces
    its hub id."""
    found = VIDEO_BASES.get(base.video)
    return replace(found, source=str(source), revision=None) if found and source else found


def fetched_of(name: str) -> Base | VideoBase:
    """What has files to fetch, by its name. MLError `unknown_base`."""
    return VIDEO_BASES.get(name) or base_of(name)


def serves(base: Base, trained_on: str) -> bool:
    """Whether a base renders the twins that were trained on a base, given by name."""
    return trained_on == base.name or trained_on in base.serves


def base_of(name: str, source: str | Path | None = None) -> Base:
    """A base by its name; a local directory `source` replaces its hub id. Raises MLError
    `unknown_base`."""
    if name not in BASES:
        raise MLError("unknown_base", f"There is no base called {name}. Choose one of: {', '.join(BASES)}.")
    base = BASES[name]
    if not source or base.service:
        return base
    sizes = nano_sizes(Path(source)) if name == "nano" else base.sizes
    return replace(base, source=str(source), sizes=sizes, revision=None)


def refuse_hosted(base: Base | VideoBase) -> None:
    """MLError `base_hosted` for a base that has no files and cannot run here."""
    if base.service:
        where = SERVICES[base.service].company
        raise MLError("base_hosted", f"The base {base.name} runs at {where}, not on this machine.")


def steps_of(base: Base, quality: str, steps: int | None = None) -> int:
    """Sampling steps of a picture: `steps`, or else the quality's."""
    return steps or base.steps[QUALITIES.index(quality)]
