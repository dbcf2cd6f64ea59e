"""The models a twin can be made on, as configuration of one code path."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from ml.errors import MLError
from ml.local.families import FLUX1, FLUX2, Family
from ml.local.whole import complete, damage, part_faults
from ml.sizes import ENLARGE, SIZES, pixels_of

NANO = Path(__file__).resolve().parent.parent / "nano" / "weights"

# What is needed of a repository; its single-file copy of the transformer is not.
FILES = (
    "model_index.json",
    "scheduler/*",
    "text_encoder/*",
    "text_encoder_2/*",
    "tokenizer/*",
    "tokenizer_2/*",
    "transformer/*",
    "vae/*",
)
UNDISTILLED = "undistilled"  # the folder in a plain directory that has the transformer to train
KLEIN_FILES = ("model_index.json", "scheduler/*", "text_encoder/*", "tokenizer/*", "transformer/*", "vae/*")


@dataclass(frozen=True)
class Recipe:
    """How a twin is trained on a base. Sources: ML.md section 5 of the design notes; docs/engine.md has the short form."""

    rate: float = 1e-4  # AdamW's learning rate
    batch: int = 1
    steps_per_photo: int = 80
    steps_least: int = 600
    steps_most: int = 2000
    zooms: tuple[float, ...] = (1.1,)  # crops of each photo: half their side in heights of the face's box
    upright: bool = False  # crops turned until the eyes are level, for a base that knows level heads only
    captions: str = (
        "read"  # what a photo shows, where a captioner is at hand, or "plain": trigger and class word
    )
    dropout: float = 0.05  # share of steps without a caption
    large: float = (
        0.25  # share of steps, the last ones, that are of the largest bucket; those before are of the others
    )
    prior: float = 0.0  # share of steps that keep what the base makes of the class word without the trigger
    times: str = "mixed"  # or "sigmoid", "shifted", "uniform": see flux.draw_times
    rollout: float = 0.0  # share of the steps that start from a sampling step of the twin's own; wants `low`
    low: float = 0.0  # time below which an error of the guessed picture, not of the velocity, is what counts
    mask_floor: float = 0.3  # weight of the loss away from the face; on the face it is 1
    ema: float = 0.99
    compile_from: int | None = 1500  # steps from which compiling the blocks is won back; on accelerators
    checkpoints: int = 4  # how many are compared
    prompts: int = 12  # scenes each is judged in
    seeds: int = 2
    holdout: float = 0.2  # share of the photos kept out to judge by, two at least


@dataclass(frozen=True)
class Sizes:
    """Rendered sizes in pixels (width, height) by aspect, multiples of 16; `enlarge` times that is delivered. `train` are the
    buckets of training, the largest last."""

    by_aspect: dict[str, tuple[int, int]]
    train: tuple[tuple[int, int], ...]
    enlarge: int = 1


@dataclass(frozen=True)
class Base:
    """One base model. `source` is a hub id or a directory with the layout that diffusers gives it."""

    name: str
    source: str
    licence: str
    recipe: Recipe
    sizes: Sizes
    family: Family = FLUX1
    revision: str | None = None
    licence_url: str = ""
    files: tuple[str, ...] = FILES  # what is fetched of the source, as patterns
    adapter: str | None = None  # hub id or file of a training adapter: on while training, off while sampling
    undistilled: str | None = (
        None  # hub id or directory whose transformer is trained in the place of the one that serves
    )
    photorealistic: bool = True  # can deceive: training asks for proof of likeness
    dtype: str = "bfloat16"
    tokens: int = 256  # length of the text's sequence
    true_cfg: float = 1.0  # above 1: two passes, towards the prompt and away from the negative prompt
    steps: tuple[int, int, int] = (2, 4, 8)  # draft, standard, high
    batch: int = 1  # pictures of a request that are made in one pass: then a seed's last bits depend on how many are asked for
    rank: int = 16
    floor: float = 0.35  # median likeness below which a twin does not count as recognised
    lowercase: bool = False  # its tokenizers know small letters only


def _multiples(area: int, step: int = 16) -> dict[str, tuple[int, int]]:
    """Sizes of about `area` pixels, each side a multiple of `step`."""
    out = {}
    for name in ("1:1", "4:5", "3:4", "2:3", "9:16", "16:9", "3:2"):
        w, h = map(int, name.split(":"))
        scale = (area / (w * h)) ** 0.5
        out[name] = (round(w * scale / step) * step, round(h * scale / step) * step)
    return out


def nano_sizes(weights: Path) -> Sizes:
    pixels = pixels_of(weights)
    return Sizes(SIZES[pixels], train=(SIZES[pixels]["1:1"],), enlarge=ENLARGE[pixels])


BUCKETS = ((512, 512), (768, 768), (1024, 1024))

BASES = {
    "nano": Base(
        name="nano",
        source=str(NANO),
        licence="PhotoFlux's own, ships with it",
        photorealistic=False,
        dtype="float32",
        tokens=48,
        true_cfg=3.0,
        steps=(4, 6, 12),
        batch=4,
        floor=0.30,
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
        adapter="ostris/FLUX.1-schnell-training-adapter",
        sizes=Sizes(_multiples(1024 * 1024), train=BUCKETS),
        recipe=Recipe(),
    ),
    "flux2-klein": Base(
        name="flux2-klein",
        source="black-forest-labs/FLUX.2-klein-4B",
        licence="Apache-2.0",
        family=FLUX2,
        files=KLEIN_FILES,
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        undistilled="black-forest-labs/FLUX.2-klein-base-4B",
        tokens=512,
        sizes=Sizes(_multiples(1024 * 1024), train=BUCKETS),
        recipe=Recipe(),
    ),
}


def base_of(profile: str, source: str | Path | None = None) -> Base:
    """The configuration by its name; `source` puts a local directory in the place of its hub id."""
    if profile not in BASES:
        raise MLError(
            "unknown_base", f"There is no base called {profile}. Choose one of: {', '.join(BASES)}."
        )
    base = BASES[profile]
    if not source:
        return base
    sizes = nano_sizes(Path(source)) if profile == "nano" else base.sizes
    return replace(base, source=str(source), sizes=sizes, revision=None)


def present(base: Base) -> bool:
    """Whether its files lie where it says (hub ids: in the local cache)."""
    try:
        find(base)
    except MLError:
        return False
    return True


def find(base: Base) -> Path:
    """The base's directory. MLError `base_missing` when it is not there: nothing is fetched at run time; `base_broken`
    when a file of it is missing or cut short."""
    how = "Put its directory there, or choose another base."
    if not Path(base.source).is_dir() and base.source.count("/") == 1:
        how = f"Fetch them first (python -m ml fetch {base.name})."
    folder = _local(base.source, base.revision, base.files)
    if not (folder / "model_index.json").is_file():
        raise MLError(
            "base_missing", f"The files of the base {base.name} are not here ({base.source}). {how}"
        )
    if faults := complete(folder):
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise MLError(
            "base_broken",
            f"The base {base.name} in {folder} is not whole: {', '.join(faults[:3])}{more}. Fetch it again.",
        )
    return folder


def _local(source: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """A directory, or where the hub's cache has the repository; nothing is fetched."""
    if Path(source).is_dir() or source.count("/") != 1:
        return Path(source)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
        return Path(
            snapshot_download(source, revision=revision, local_files_only=True, allow_patterns=list(files))
        )
    return Path(source)


def find_undistilled(base: Base) -> Path | None:
    """The directory of the transformer that is trained where another one serves, None where it is the same. A directory
    `undistilled/transformer` in the base's own goes first. MLError `base_missing`, `base_broken`."""
    if base.undistilled is None:
        return None
    beside = find(base) / UNDISTILLED
    part = (beside if beside.is_dir() else _local(base.undistilled, None, ("transformer/*",))) / "transformer"
    if not part.is_dir():
        raise MLError(
            "base_missing",
            f"What twins are trained on is not here ({base.undistilled}). Fetch it first (python -m ml fetch {base.name}).",
        )
    if faults := part_faults(part):
        raise MLError("base_broken", f"{part} is not whole: {', '.join(faults[:3])}. Fetch it again.")
    return part


def find_adapter(base: Base) -> Path | None:
    """The file of the base's training adapter, None where it has none. A file `training_adapter.safetensors` in the base's
    own directory goes first. MLError `base_missing` when it is not there."""
    if base.adapter is None:
        return None
    beside = find(base) / "training_adapter.safetensors"
    if beside.is_file():
        return whole_adapter(base, beside)
    folder = _local(base.adapter, None, ("*.safetensors",))
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        raise MLError(
            "base_missing",
            f"The training adapter of the base {base.name} is not here ({base.adapter}). Put it there before training.",
        )
    return whole_adapter(base, files[0])


def whole_adapter(base: Base, file: Path) -> Path:
    if wrong := damage(file):
        raise MLError(
            "base_broken", f"The training adapter of the base {base.name} {wrong} ({file}). Fetch it again."
        )
    return file


def kind_of(folder: Path) -> str:
    """The pipeline class that a base's directory names; "" where its index cannot be read."""
    try:
        return str(json.loads((folder / "model_index.json").read_text())["_class_name"])
    except (ValueError, KeyError, TypeError, OSError):
        return ""
