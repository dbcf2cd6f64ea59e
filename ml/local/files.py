"""Finds a base's files on this machine and checks that they are complete. Fetches nothing, reads no
weights."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from ml.catalogue import Base, VideoBase
from ml.errors import MLError
from ml.local.whole import complete, damage, part_faults

UNDISTILLED = "undistilled"  # the folder of the transformer to train, in a plain directory
ADAPTER = "training_adapter.safetensors"


def present(base: Base | VideoBase) -> bool:
    """Whether the base's files are in its directory (for hub ids: in the local cache)."""
    try:
        find(base)
    except MLError:
        return False
    return True


def find(base: Base | VideoBase) -> Path:
    """The base's directory. Fetches nothing. MLError `base_missing` when the directory is missing;
    `base_broken` when one of its files is missing or truncated."""
    folder = in_cache(base.source, base.revision, base.files)
    if not (folder / "model_index.json").is_file():
        raise MLError(
            "base_missing",
            f"The files of the base {base.name} are not here ({base.source}). {_how_to_get(base)}",
        )
    if faults := complete(folder):
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise MLError(
            "base_broken",
            f"The base {base.name} in {folder} is not whole: {', '.join(faults[:3])}{more}. Fetch it again.",
        )
    return folder


def _how_to_get(base: Base | VideoBase) -> str:
    if not Path(base.source).is_dir() and base.source.count("/") == 1:
        return f"Fetch them first (python -m ml fetch {base.name})."
    return "Put its directory there, or choose another base."


def in_cache(source: str, revision: str | None, files: tuple[str, ...]) -> Path:
    """`source` itself if it is a directory, else the repository's folder in the hub's cache."""
    if Path(source).is_dir() or source.count("/") != 1:
        return Path(source)
    with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
        return Path(
            snapshot_download(source, revision=revision, local_files_only=True, allow_patterns=list(files))
        )
    return Path(source)


def find_undistilled(base: Base | VideoBase) -> Path | None:
    """The directory of the transformer to train; None if it is the served one. The base's own
    `undistilled/transformer` takes precedence. MLError `base_missing`, `base_broken`."""
    if base.undistilled is None:
        return None
    beside = find(base) / UNDISTILLED
    folder = beside if beside.is_dir() else in_cache(base.undistilled, None, ("transformer/*",))
    part = folder / "transformer"
    if not part.is_dir():
        what = f"The transformer that twins are trained on is not here ({base.undistilled})."
        raise MLError("base_missing", f"{what} Fetch it first (python -m ml fetch {base.name}).")
    if faults := part_faults(part):
        raise MLError("base_broken", f"{part} is not whole: {', '.join(faults[:3])}. Fetch it again.")
    return part


def find_adapter(base: Base | VideoBase) -> Path | None:
    """The file of the base's training adapter; None if the base has none. `training_adapter.safetensors` in
    the base's own directory takes precedence. MLError `base_missing`, `base_broken`."""
    if base.adapter is None:
        return None
    beside = find(base) / ADAPTER
    if beside.is_file():
        return _checked(base, beside)
    folder = in_cache(base.adapter, None, ("*.safetensors",))
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files:
        what = f"The training adapter of the base {base.name} is not here ({base.adapter})."
        raise MLError("base_missing", f"{what} Put it there before training.")
    return _checked(base, files[0])


def _checked(base: Base | VideoBase, adapter: Path) -> Path:
    if wrong := damage(adapter):
        raise MLError(
            "base_broken",
            f"The training adapter of the base {base.name} {wrong} ({adapter}). Fetch it again.",
        )
    return adapter


def pipeline_in(folder: Path) -> str:
    """The pipeline class in a base's model_index.json; "" if that cannot be read."""
    try:
        return str(json.loads((folder / "model_index.json").read_text())["_class_name"])
    except (ValueError, KeyError, TypeError, OSError):
        return ""
