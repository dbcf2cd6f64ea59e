"""Who is in a LoRA: the photos of each training by the fingerprint of its LoRA."""

from __future__ import annotations

from pathlib import Path

from . import made


class People:
    """Kept in `folder` too, where one is given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.known: dict[str, list[bytes]] = {}
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            self.known = {file.stem: made.photos_of(file.read_bytes()) for file in folder.glob("*.zip")}

    def learn(self, fingerprint: str, archive: bytes) -> None:
        """ValueError when the archive holds no photos."""
        self.known[fingerprint] = made.photos_of(archive)
        if self.folder:
            (self.folder / f"{fingerprint}.zip").write_bytes(archive)

    def photos(self, fingerprint: str) -> list[bytes]:
        return self.known.get(fingerprint, [])

    def clear(self) -> None:
        self.known.clear()
        for file in self.folder.iterdir() if self.folder else ():
            file.unlink()
