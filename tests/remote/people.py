"""Who is in a LoRA, and pictures of them: the quick artist, who paints from the photos of the training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PIL import Image

from . import made

Tell = Callable[[float], bool]  # gets the share that is done; True asks to stop


class Artist(Protocol):
    """`name` is a LoRA's fingerprint; "" stands for none."""

    def learn(self, name: str, archive: bytes, trigger: str, tell: Tell) -> None:
        """Learns a person from a ZIP of photos. ValueError when it cannot."""
        ...

    def paint(self, name: str, prompt: str, seed: int, size: tuple[int, int]) -> Image.Image: ...

    def clear(self) -> None: ...

    def close(self) -> None: ...


class People:
    """Kept in `folder` too, where one is given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.known: dict[str, list[bytes]] = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            self.known = {file.stem: made.photos_of(file.read_bytes()) for file in folder.glob("*.zip")}

    def learn(self, name: str, archive: bytes, trigger: str, tell: Tell) -> None:
        self.known[name] = made.photos_of(archive)
        if self.folder:
            (self.folder / f"{name}.zip").write_bytes(archive)

    def paint(self, name: str, prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
        """The person of the LoRA; a stranger where its photos are not known."""
        scene = int(hashlib.sha256(f"{prompt} {seed}".encode()).hexdigest()[:12], 16)
        if photos := self.known.get(name):
            return made.picture_of(photos, scene, size)
        return made.drawn(int(name[:12], 16) if name else scene, scene, size)

    def clear(self) -> None:
        self.known.clear()
        for file in self.folder.iterdir() if self.folder else ():
            file.unlink()

    def close(self) -> None:
        pass
