"""`python -m ml facenet`: puts facenet-pytorch's net in the place of dlib's, if it is as good.

The checkpoint is 20180402-114759-vggface2.pt of facenet-pytorch's releases; only tensors are read from it.
The folder has photographs of at least twenty people, several of each, named NAME_anything.jpg. Their
distances give the scale (ml/nets/scales.py).
"""

from __future__ import annotations

import argparse
import json
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ml import media
from ml.commands.output import answer, say
from ml.errors import MLError
from ml.faces import Faces
from ml.nets import facenet
from ml.nets.embedders import FacenetEmbedder
from ml.nets.scales import FACENET_SCALE, Scale, fitted
from ml.sameness import distances

FALSE_PAIRS, LEAST_FOUND, LEAST_PEOPLE = 1e-3, 0.95, 20


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("checkpoint", type=Path)
    p.add_argument("people", type=Path)


def run(args: argparse.Namespace) -> None:
    beside = facenet.WEIGHTS.with_suffix(".part")
    try:
        save_file(convert(args.checkpoint), beside, metadata={"source": args.checkpoint.name})
        scale = scale_of(*measure(args.people, FacenetEmbedder(beside), Faces()))
        FACENET_SCALE.write_text(json.dumps(asdict(scale)))
        beside.replace(facenet.WEIGHTS)
    finally:
        beside.unlink(missing_ok=True)
    say(args, f"{facenet.WEIGHTS}: {scale}. Now run manage.py reembed_photos.")
    answer(args, asdict(scale))


def convert(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The net's weights in half precision, without the classifier of its training. MLError
    `weights_damaged` for another net's file."""
    net = facenet.net()
    try:
        found = torch.load(checkpoint, map_location="cpu", weights_only=True)
        net.load_state_dict({name: v for name, v in found.items() if not name.startswith("logits.")})
    except (RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as e:
        raise MLError(
            "weights_damaged", f"{checkpoint} is not the checkpoint of facenet-pytorch's InceptionResnetV1."
        ) from e
    return {name: v.half() if v.is_floating_point() else v for name, v in net.state_dict().items()}


def measure(folder: Path, embedder: FacenetEmbedder, faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """The distances of all pairs of one person, and of two. MLError `too_few_people`."""
    people, vectors = [], []
    for path in sorted(folder.iterdir()):
        picture = media.to_array(path.read_bytes())
        for face in faces.find(picture)[:1]:
            people.append(path.name.split("_")[0])
            vectors.append(embedder.vector(picture, face))
    if len(set(people)) < LEAST_PEOPLE:
        count = len(set(people))
        raise MLError("too_few_people", f"{folder} shows {count} people; at least {LEAST_PEOPLE} are needed.")
    apart, names = distances(np.array(vectors)), np.array(people)
    upper, same = np.triu(np.ones(apart.shape, bool), 1), names[:, None] == names
    return apart[upper & same], apart[upper & ~same]


def scale_of(same: np.ndarray, other: np.ndarray) -> Scale:
    """MLError `net_too_weak` when too few of one person's pairs are found at one false pair in a thousand."""
    found = float((same <= np.quantile(other, FALSE_PAIRS)).mean())
    if found < LEAST_FOUND:
        raise MLError(
            "net_too_weak",
            f"It finds {found:.3f} of the pairs, less than {LEAST_FOUND}. dlib's stays in use.",
        )
    return fitted(same, other)
