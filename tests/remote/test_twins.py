"""A double that is not quick trains with the built-in engine, and paints with what it trained."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from .asking import archive, ask, submit, until, upload
from .handle import FalDouble, TogetherDouble

pytestmark = [pytest.mark.train, pytest.mark.thorough]


@pytest.fixture(scope="module")
def trainer() -> Iterator[FalDouble]:
    with FalDouble(quick=False, steps=8) as double:
        yield double


def children(double: FalDouble) -> list[str]:
    """The commands of the double's own processes."""
    folder = Path(f"/proc/{double.process.pid}/task")  # type: ignore[union-attr]
    pids = " ".join((task / "children").read_text() for task in folder.iterdir()).split()
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids]


def wait(fal: FalDouble, run: dict[str, str]) -> dict:
    until(lambda: ask(fal, "GET", run["status_url"]).status == 200, looks=10**6)
    said = ask(fal, "GET", run["response_url"])
    assert said.status == 200, said
    return said.json


def test_it_trains_a_twin_and_says_that_it_drew_the_picture(trainer: FalDouble) -> None:
    url = upload(trainer, archive(6, 6, (768, 768)))
    lora = wait(trainer, submit(trainer, trainer.TRAINER, {"images_data_url": url, "trigger_phrase": "ohwx"}))
    wish = {"prompt": "photo of ohwx woman, in a park", "image_size": {"width": 992, "height": 768}}
    wish["loras"] = [{"path": lora["diffusers_lora_file"]["url"]}]
    row = wait(trainer, submit(trainer, trainer.PICTURES, wish))["images"][0]
    picture = Image.open(io.BytesIO(trainer.read(row["url"])))
    assert picture.size == (992, 768)
    assert is_dark_with_text(np.asarray(picture)[-30:])
    assert trainer.breaches == []


def is_dark_with_text(strip: np.ndarray) -> bool:
    grey = cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)
    return bool(np.median(grey) < 40 and grey.max() > 200)


def test_a_cancelled_training_ends_its_process(trainer: FalDouble) -> None:
    url = upload(trainer, archive(6, 6, (768, 768)))
    run = submit(trainer, trainer.TRAINER, {"images_data_url": url})
    until(lambda: any("twins train" in each for each in children(trainer)), looks=10**6)
    assert ask(trainer, "PUT", run["cancel_url"]).status == 202
    until(lambda: not any("twins train" in each for each in children(trainer)), looks=10**6)
    assert ask(trainer, "GET", run["status_url"]).json["error_type"] == "client_cancelled"


def test_together_paints_too() -> None:
    with TogetherDouble(quick=False) as double:
        wish = {"model": double.SCHNELL, "prompt": "photo of a woman, in a park", "width": 512, "height": 512}
        row = ask(double, "POST", "/v1/images/generations", wish).json["data"][0]
        assert is_dark_with_text(np.asarray(Image.open(io.BytesIO(double.read(row["url"]))))[-20:])
