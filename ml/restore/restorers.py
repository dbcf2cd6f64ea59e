"""Face restorers: each takes a face as ml/restore/paste.py lays it, and returns it restored."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from ml.errors import MLError
from ml.nets.restorer import PictureRestorer
from ml.nets.torchvision import ensure_torchvision
from ml.restore.weights import KNOWN, OWN, chosen


class FaceRestorer(Protocol):
    name: str
    invents: bool  # whether it makes up what it does not see: its results are blended with the original more

    def __call__(self, square: np.ndarray) -> np.ndarray:
        """(512, 512, 3) uint8 RGB -> the same."""
        ...


class OwnRestorer:
    name, invents = OWN, False

    def __init__(self, pictures: PictureRestorer):
        self.pictures = pictures

    def __call__(self, square: np.ndarray) -> np.ndarray:
        return self.pictures(square)


class OtherRestorer:
    """GFPGAN, RestoreFormer or CodeFormer, loaded by spandrel, which takes tensors alone out of a file and
    refuses anything that would run code. All three take and make -1..1. (For GFPGAN spandrel's own call does
    not bring 0..1 there, and faces come out white; so the net is called itself.)"""

    invents = True

    def __init__(self, name: str, path: Path, device: str):
        self.name, self.path, self.device = name, path, device
        self._lock = threading.Lock()
        self._net: Any = None

    def __call__(self, square: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            made = self._load()(x.to(self.device))
        made = made[0] if isinstance(made, tuple | list) else made
        picture = ((made[0].float().clamp(-1, 1) + 1) * 127.5 + 0.5).byte()
        return np.asarray(picture.permute(1, 2, 0).cpu().numpy())

    def _load(self) -> Any:
        with self._lock:
            if self._net is None:
                self._net = load(self.name, self.path).eval().to(self.device)
            return self._net


def load(name: str, path: Path) -> Any:
    """The net in a file. MLError `restorer_broken`, `spandrel_missing`."""
    ensure_torchvision()
    import spandrel

    if name == "CodeFormer":
        add_other_nets(name)
    try:
        return spandrel.ModelLoader().load_from_file(path).model
    except Exception as e:  # spandrel raises its own errors, pickle's and torch's
        raise MLError("restorer_broken", f"{path.name} cannot be used. Fetch it again. ({e})") from e


def add_other_nets(name: str) -> None:
    """Nets whose licences are harsher are in a package of their own. MLError `spandrel_missing`."""
    try:
        import spandrel_extra_arches
    except ImportError as e:
        raise MLError("spandrel_missing", f"{name} needs: pip install spandrel_extra_arches") from e
    spandrel_extra_arches.install(ignore_duplicates=True)


class Restorers:
    """The restorers of a machine, each loaded at its first use. `folder` holds the files of others;
    `wanted` names one of them."""

    def __init__(self, folder: Path | None = None, wanted: str = "", device: str = "cpu"):
        self.folder, self.wanted, self.device = folder, wanted, device
        self.pictures = PictureRestorer(device=device)
        self._loaded: dict[str, FaceRestorer] = {OWN: OwnRestorer(self.pictures)}

    def best(self) -> FaceRestorer:
        """MLError `restorer_missing`."""
        name = chosen(self.folder, self.wanted)
        if name not in self._loaded:
            assert self.folder
            self._loaded[name] = OtherRestorer(name, self.folder / KNOWN[name].file, self.device)
        return self._loaded[name]
