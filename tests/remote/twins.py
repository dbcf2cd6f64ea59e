"""Twins that a double really trains, with the built-in engine in a process of its own.

`python -m tests.remote.twins train FOLDER STEPS` trains on FOLDER/photos.zip and tells its share as lines of
JSON. `python -m tests.remote.twins paint` paints a picture for each line of JSON that it reads.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ml.catalogue import BASES
from ml.prompts import TRIGGER
from ml.types import SUBJECTS, Photo, RenderSpec, TrainSpec

from . import made
from .people import Tell

ROOT = Path(__file__).resolve().parents[2]
STRIP = "drawn by the double of a service"
STEPS = BASES["nano"].steps[1]
Row = dict[str, Any]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.remote.twins", *words]


# ---------------------------------------------------------------- the double's side


class Twins:
    """One folder for each twin, named by the fingerprint of the LoRA that was delivered for it. The photos
    are deleted after the training."""

    def __init__(self, folder: Path, steps: int = 0) -> None:
        self.folder, self.steps = folder, steps  # steps 0: by the base's rule
        self.lock = Lock()
        self.trainer: subprocess.Popen[str] | None = None
        self.painter: subprocess.Popen[str] | None = None

    def learn(self, name: str, archive: bytes, trigger: str, tell: Tell) -> None:
        made.photos_of(archive)
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "photos.zip").write_bytes(archive)
        (folder / "trigger").write_text(trigger)
        with _piped(command("train", str(folder), str(self.steps))) as child:
            self.trainer = child
            for line in _lines(child):
                if tell(line.get("share", 1.0)):
                    child.kill()
                    break
        (folder / "photos.zip").unlink()
        if not (folder / "made.json").exists():
            raise ValueError(line_of(folder / "failed") or f"the training ended with {child.returncode}")

    def paint(self, name: str, prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
        """The twin of the LoRA; nobody's where it was not trained here."""
        folder = self.folder / name
        known = bool(name) and (folder / "made.json").exists()
        trigger = line_of(folder / "trigger") if known else ""
        text = prompt.replace(trigger, TRIGGER) if trigger else prompt
        row = {"folder": str(folder) if known else "", "prompt": text, "seed": seed % 2**31, "size": size}
        with self.lock:
            answer = self._ask(row)
        picture = Image.open(io.BytesIO(base64.b64decode(answer["png"])))
        return made.with_strip(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), STRIP)

    def _ask(self, row: Row) -> Row:
        if self.painter is None or self.painter.poll() is not None:
            self.painter = _piped(command("paint"))
        assert self.painter.stdin
        print(json.dumps(row), file=self.painter.stdin, flush=True)
        return next(_lines(self.painter))

    def close(self) -> None:
        for child in (self.trainer, self.painter):
            if child and child.poll() is None:
                child.kill()

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _piped(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _lines(child: subprocess.Popen[str]) -> Any:
    """The lines of JSON that a child says; what libraries print between them is skipped."""
    assert child.stdout
    return (json.loads(line) for line in child.stdout if line.startswith("{"))


def line_of(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


# ---------------------------------------------------------------- the child's side


def train(folder: Path, steps: int) -> None:
    from ml.errors import MLError
    from ml.local.engine import LocalEngine
    from ml.local.weights import FolderStore

    archive = (folder / "photos.zip").read_bytes()
    photos = tuple(Photo(hashlib.sha256(each).hexdigest()[:16], each) for each in made.photos_of(archive))
    spec = TrainSpec(photos, subject_of(archive), seed=1, steps=steps or None)
    engine = LocalEngine("nano", keys=folder / "keys")
    try:
        report = engine.train(spec, store=FolderStore(folder), on_progress=tell)
    except MLError as e:
        (folder / "failed").write_text(str(e))
        return
    (folder / "made.json").write_text(json.dumps({"lora": report.lora, "sha256": report.sha256}))


def tell(stage: str, share: float) -> bool:
    done = {"preparing": 0.0, "training": 0.9 * share}.get(stage, 0.95)
    print(json.dumps({"stage": stage, "share": done}), flush=True)
    return False


def subject_of(archive: bytes) -> str:
    """woman or man where the captions say so."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        captions = " ".join(file.read(n).decode() for n in file.namelist() if n.endswith(".txt"))
    found = [word for word in re.findall(r"\w+", captions.lower()) if word in SUBJECTS]
    return found[0] if found else "person"


def end_with_parent() -> None:
    """The input ends when the double does, also when that is killed."""
    sys.stdin.read()
    os._exit(1)


def paint() -> None:
    from ml.local.engine import LocalEngine

    engine = LocalEngine("nano", threads=1)
    for line in sys.stdin:
        row = json.loads(line)
        picture = paint_one(engine, row)
        png = made.encode(Image.fromarray(picture), "png")
        print(json.dumps({"png": base64.b64encode(png).decode()}), flush=True)


def paint_one(engine: Any, row: Row) -> np.ndarray:
    from ml.local.weights import FolderStore

    twin = json.loads((Path(row["folder"]) / "made.json").read_text()) if row["folder"] else {}
    spec = RenderSpec(prompt=row["prompt"], **twin)
    store = FolderStore(Path(row["folder"])) if twin else None
    sampler = engine.sampler_of(engine.read(spec, store))
    size = nearest(engine.base.sizes.by_aspect, row["size"])
    made_one = sampler.sample(row["prompt"], size=size, steps=STEPS, seed=row["seed"])
    return np.asarray(sampler.enlarge(made_one))


def nearest(sizes: dict[str, tuple[int, int]], asked: tuple[int, int]) -> tuple[int, int]:
    """The size whose shape is nearest to the one asked for."""
    wish = asked[0] / asked[1]
    return min(sizes.values(), key=lambda size: abs(size[0] / size[1] - wish))


def main(what: str, folder: str = "", steps: str = "0") -> None:
    os.nice(5)
    if what == "train":
        Thread(target=end_with_parent, daemon=True).start()
        train(Path(folder), int(steps))
    else:
        paint()


if __name__ == "__main__":
    main(*sys.argv[1:])
