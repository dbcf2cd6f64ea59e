"""The child process of ml.remote.desk: `python -m ml.remote.child FD KEYS THREADS IDLE`. It has torch."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from ml.faces import Faces
from ml.provenance import Signer
from ml.remote.desk import InProcess, serve


def main(descriptor: str, keys: str, threads: str, idle: str) -> None:
    if int(threads):
        torch.set_num_threads(int(threads))
    serve(int(descriptor), InProcess(Faces(), Signer.open(Path(keys))), float(idle))


if __name__ == "__main__":
    main(*sys.argv[1:])
