"""Which face restorers there are, where their files lie, and how an operator gets them. Torch-free.

Only the small one of our own ships. Others are used where their file is in the folder of restorers.
"""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.errors import MLError

OWN = "photoflux-restorer"  # the one that ships
CHUNK = 1 << 20
SECONDS = 60.0  # without a byte


@dataclass(frozen=True)
class Weights:
    """A restorer's file. `sha256` is "" where we could not check one: the operator states it. `asks`: it is
    used only when the operator names it, because of its licence."""

    name: str
    file: str
    url: str
    licence: str
    sha256: str = ""
    size: int = 0
    asks: bool = False


RELEASES = "https://github.com/TencentARC/GFPGAN/releases/download"
FFHQ = "Trained on FFHQ, whose photographs are CC BY-NC-SA 4.0: ask your lawyer about commercial use."
KNOWN = {
    each.name: each
    for each in (
        Weights(
            "GFPGANv1.4",
            "GFPGANv1.4.pth",
            f"{RELEASES}/v1.3.4/GFPGANv1.4.pth",
            f"Apache-2.0, with parts of StyleGAN2 under NVIDIA's terms. {FFHQ}",
            "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
            348_632_874,
        ),
        Weights(
            "RestoreFormer",
            "RestoreFormer.pth",
            f"{RELEASES}/v1.3.4/RestoreFormer.pth",
            f"Apache-2.0. {FFHQ}",
        ),
        Weights(
            "CodeFormer",
            "codeformer.pth",
            "https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
            f"S-Lab License 1.0: no commercial use without the authors' permission. {FFHQ}",
            asks=True,
        ),
    )
}


def present(folder: Path | None) -> list[str]:
    """The names of the restorers that are used without being named: those with a file in the folder, best
    first, then our own."""
    here = [
        each.name for each in KNOWN.values() if not each.asks and folder and (folder / each.file).is_file()
    ]
    return [*here, OWN]


def chosen(folder: Path | None, wanted: str = "") -> str:
    """The restorer to use. `wanted`: the operator's, "" for the best that is there. MLError
    `restorer_missing`."""
    if not wanted:
        return present(folder)[0]
    known = KNOWN.get(wanted)
    if wanted == OWN or (known and folder and (folder / known.file).is_file()):
        return wanted
    names = ", ".join([*KNOWN, OWN])
    raise MLError(
        "restorer_missing", f"The restorer {wanted} is not here. Fetch it, or name one of: {names}."
    )


# ---------------------------------------------------------------- fetching


def fetch(
    folder: Path,
    names: tuple[str, ...],
    *,
    stated: Mapping[str, str],
    accept: Callable[[str], bool],
    tell: Callable[[str], None],
) -> None:
    """Puts these restorers' files into the folder. `stated`: checksums that the operator vouches for, by
    name. MLError `restorer_unknown`, `checksum_unknown`, `licence_not_accepted`, `checksum_wrong`,
    `download_cut`."""
    for name in names:
        if name not in KNOWN:
            raise MLError("restorer_unknown", f"There is no restorer {name}. Known: {', '.join(KNOWN)}.")
        weights, path = KNOWN[name], folder / KNOWN[name].file
        sha256 = stated.get(name, weights.sha256).lower()
        if len(sha256) != 64:
            raise MLError(
                "checksum_unknown",
                f"We know no checksum of {weights.file}. Find it at a place that you trust and state it:"
                f" --sha256 {name}=...",
            )
        if path.is_file() and checksum(path) == sha256:
            tell(f"{name} is here: {path}")
            continue
        if not accept(f"{name}: {weights.licence} Do you accept this?"):
            raise MLError("licence_not_accepted", f"{name} is not fetched: its licence was not accepted.")
        folder.mkdir(parents=True, exist_ok=True)
        _download(weights.url, path, sha256)
        tell(f"{name} is here: {path}")


def checksum(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _download(url: str, path: Path, sha256: str) -> None:
    """Goes on with an earlier try. The file gets its name once its checksum is right."""
    part = path.with_suffix(".part")
    part.touch()
    try:
        _append(url, part)
    except (urllib.error.URLError, OSError) as e:
        raise MLError("download_cut", f"{url} was cut: {e}. Run this again: it goes on from there.") from e
    if checksum(part) != sha256:
        part.unlink()
        raise MLError("checksum_wrong", f"{path.name} has another checksum and was deleted. Run this again.")
    part.replace(path)


def _append(url: str, part: Path) -> None:
    have = part.stat().st_size
    asked = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(asked, timeout=SECONDS)
    except urllib.error.HTTPError as e:
        if e.code == 416:  # all of it is here
            return
        raise
    with answer, part.open("ab") as out:
        if answer.status != 206:
            out.truncate(0)
        while chunk := answer.read(CHUNK):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
