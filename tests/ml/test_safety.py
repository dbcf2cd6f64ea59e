"""Screening of pictures: the detector, its failures, its process."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml import nudity, safety
from ml.safety import Detector, screen_picture, use_detector

GREY = np.full((64, 48, 3), 128, np.uint8)
# A program with the detector's protocol. The picture's first byte sets its verdict.
FAKE = """
import json, os, struct, sys
pixels, answers = sys.stdin.buffer, sys.stdout.buffer
while len(header := pixels.read(8)) == 8:
    height, width = struct.unpack(">II", header)
    first = pixels.read(height * width * 3)[0]
    if first == 1:
        os._exit(1)
    said = {"engine": str(os.getpid()), "label": "x", "score": first / 255, "unsafe": first > 99}
    answer = json.dumps(said).encode()
    answers.write(struct.pack(">I", len(answer)) + answer)
    answers.flush()
"""


@pytest.fixture
def use():
    """Replaces the detector by a program given as source; restores it afterwards."""
    yield lambda source, seconds=20.0: use_detector(Detector([sys.executable, "-c", source], seconds=seconds))
    use_detector(Detector(safety.detector_command()))


def shade(value):
    return np.full((8, 8, 3), value, np.uint8)


def test_the_real_detector_passes_a_grey_wall_and_stays_alive():
    first, second = screen_picture(GREY), screen_picture(GREY)
    assert first == second == safety.PictureVerdict(True, 0.0, "", "nudenet")


def test_a_picture_found_unsafe_is_refused_unless_nudity_is_allowed(use):
    use(FAKE)
    assert not screen_picture(shade(255)).safe
    assert screen_picture(shade(255)).score == 1.0
    assert screen_picture(shade(255), allow_nudity=True).safe
    assert screen_picture(shade(50)).safe


def test_a_program_that_died_is_started_once_more(use):
    use(FAKE)
    before = screen_picture(shade(50)).engine
    assert screen_picture(shade(50)).engine == before
    assert screen_picture(shade(1)).label == "unavailable"
    assert screen_picture(shade(50)).engine not in (before, "none")


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit(1)",
        "print('rubbish' * 100)",
        "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\2[]'); sys.stdout.flush(); sys.stdin.read()",
        "import sys; sys.stdin.read()",
    ],
)
def test_trouble_with_the_program_fails_closed(use, source):
    use(source, seconds=0.5)
    verdict = screen_picture(GREY, allow_nudity=True)
    assert (verdict.safe, verdict.label) == (False, "unavailable")


@pytest.mark.parametrize("picture", [GREY[:, :, 0], GREY.astype(float), GREY[:0]])
def test_what_is_no_picture_fails_closed(picture):
    assert not screen_picture(picture).safe


def test_the_program_ends_when_its_pipe_closes():
    command = safety.detector_command()
    root = Path(safety.__file__).parent.parent
    done = subprocess.run(
        command, input=struct.pack(">II", 8, 8) + bytes(192), capture_output=True, cwd=root, timeout=20
    )
    assert done.returncode == 0
    assert b"nudenet" in done.stdout


def test_exposed_parts_count_from_their_own_scores():
    assert nudity.judge_boxes([("FACE_FEMALE", 0.9), ("FEMALE_BREAST_COVERED", 0.9)])["label"] == ""
    assert not nudity.judge_boxes([("FEMALE_BREAST_EXPOSED", 0.4)])["unsafe"]
    found = nudity.judge_boxes([("FEMALE_BREAST_EXPOSED", 0.45), ("ANUS_EXPOSED", 0.56)])
    assert (found["unsafe"], found["label"], found["score"]) == (True, "ANUS_EXPOSED", 0.56)


def test_a_classifiers_unsafe_labels_add_up():
    said = nudity.judge_classes([("porn", 0.3), ("hentai", 0.3), ("neutral", 0.4)])
    assert (said["unsafe"], round(said["score"], 2)) == (True, 0.6)
    assert not nudity.judge_classes([("nsfw", 0.2), ("normal", 0.8)])["unsafe"]
    with pytest.raises(ValueError, match="no label"):
        nudity.judge_classes([("cat", 0.6), ("not nsfw", 0.4)])


def test_the_classifier_is_one_setting_away():
    assert safety.detector_command(None)[1:] == ["-m", "ml.nudity"]
    assert safety.detector_command("models/nsfw")[1:] == ["-m", "ml.nudity", "--classifier", "models/nsfw"]


def test_neither_detectors_nor_torch_are_loaded_here():
    code = "import sys, ml.safety, ml.media; print({'torch', 'nudenet', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=Path(safety.__file__).parent.parent
    )
    assert done.stdout.strip() == b"set()"
