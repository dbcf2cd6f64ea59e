"""Detects nudity in pictures: `python -m ml.nudity [--classifier DIR]`, started by `ml.safety`.

It is a separate program because nudenet is under the AGPL: no other code imports it, only pipes connect them.
stdin, repeated until it closes: height and width as two big-endian uint32, then H*W*3 bytes of RGB.
stdout, for each picture: a uint32 length, then JSON {"engine", "label", "score" 0..1, "unsafe"}.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import Image

from ml.nets.torchvision import ensure_torchvision

# nudenet's classes that mean nudity, each with the least score that counts. True positives have scores of 0.4
# to 0.9. The highest score on 240 drawn portraits, none of them nude, was 0.51 (a bald head), so most
# thresholds are above that.
EXPOSED = {
    "FEMALE_GENITALIA_EXPOSED": 0.55,
    "MALE_GENITALIA_EXPOSED": 0.55,
    "ANUS_EXPOSED": 0.55,
    "FEMALE_BREAST_EXPOSED": 0.50,
    "BUTTOCKS_EXPOSED": 0.50,
}
# Parts of classifiers' labels for nudity ("NSFW - explicit"); the labels' probabilities are added.
UNSAFE_WORDS = ("nsfw", "porn", "hentai", "nude", "nudity", "explicit", "sexual", "unsafe")
UNSAFE_SHARE = 0.5
MAX_PIXELS = 50_000_000

Scores = list[tuple[str, float]]
Judge = Callable[[np.ndarray], dict]


def judge_boxes(found: Scores) -> dict:
    """nudenet's worst detection: the one with the largest ratio of score to its class's threshold."""
    exposed = [(score / EXPOSED[label], score, label) for label, score in found if label in EXPOSED]
    ratio, score, label = max(exposed, default=(0.0, 0.0, ""))
    return {"engine": "nudenet", "label": label, "score": score, "unsafe": ratio >= 1}


def judge_classes(classes: Scores) -> dict:
    """Judges a classifier's labels and probabilities. ValueError when no label names nudity."""
    unsafe = [(share, label) for label, share in classes if is_unsafe(label)]
    if not unsafe:
        raise ValueError("the classifier has no label for what is unsafe")
    score = min(1.0, sum(share for share, _ in unsafe))
    return {"engine": "classifier", "label": max(unsafe)[1], "score": score, "unsafe": score >= UNSAFE_SHARE}


def is_unsafe(label: str) -> bool:
    words = label.lower()
    return any(word in words for word in UNSAFE_WORDS) and not words.startswith(("non", "not", "no "))


def load_nudenet() -> Judge:
    import nudenet
    import onnxruntime

    cv2.setNumThreads(1)
    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    detector = nudenet.NudeDetector()
    model = Path(nudenet.__file__).with_name("320n.onnx")
    # nudenet accepts no session options, so its session is replaced.
    detector.onnx_session = onnxruntime.InferenceSession(str(model), options)

    def judge(picture: np.ndarray) -> dict:
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        return judge_boxes([(find["class"], find["score"]) for find in detector.detect(bgr)])

    return judge


def load_classifier(directory: str) -> Judge:
    """A transformers image classifier from a local directory; nothing is fetched."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    ensure_torchvision()  # before transformers
    import torch
    import transformers

    torch.set_num_threads(1)
    classify = transformers.pipeline("image-classification", model=directory, device="cpu")

    def judge(picture: np.ndarray) -> dict:
        classes: Iterable[dict] = classify(Image.fromarray(picture), top_k=None)
        return judge_classes([(found["label"], found["score"]) for found in classes])

    return judge


def serve(judge: Judge, pixels: IO[bytes], answers: IO[bytes]) -> None:
    """Answers until the pipe closes. An error ends the program without an answer; the caller then refuses."""
    while len(header := pixels.read(8)) == 8:
        height, width = struct.unpack(">II", header)
        if not 0 < height * width <= MAX_PIXELS:
            raise ValueError(f"{width}x{height} pixels")
        picture = np.frombuffer(pixels.read(height * width * 3), np.uint8).reshape(height, width, 3)
        answer = json.dumps(judge(picture)).encode()
        answers.write(struct.pack(">I", len(answer)) + answer)
        answers.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--classifier", metavar="DIR", help="a transformers image classifier instead of nudenet"
    )
    directory = parser.parse_args().classifier
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output printed by libraries must not mix with the answers
    judge = load_classifier(directory) if directory else load_nudenet()
    serve(judge, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
