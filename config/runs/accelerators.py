"""The memory of NVIDIA accelerators: each worker tells it at a run's end, and Redis keeps it for an hour."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass

import redis

from config.runs.circuit import client

log = logging.getLogger(__name__)

KEY = "accelerators"
KEPT = 3600  # seconds
ASK = ("--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits")  # in MiB


@dataclass(frozen=True)
class Accelerator:
    host: str
    index: str
    used: int  # bytes
    total: int
    at: float  # Unix time


def tell() -> None:
    """Does nothing on a machine without nvidia-smi. Errors are logged: a run does not fail of them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    try:
        done = subprocess.run([program, *ASK], capture_output=True, text=True, timeout=5, check=True)
        for line in done.stdout.splitlines():
            _keep(line)
    except (OSError, ValueError, subprocess.SubprocessError, redis.RedisError) as e:
        log.warning("the memory of the accelerators is not known: %s", e)


def _keep(line: str) -> None:
    index, used, total = (part.strip() for part in line.split(","))
    row = Accelerator(socket.gethostname(), index, int(used) * 2**20, int(total) * 2**20, time.time())
    client().hset(KEY, f"{row.host}:{index}", json.dumps(asdict(row)))


def known() -> list[Accelerator]:
    """Those that were told of within the last hour. Raises RedisError."""
    rows = [Accelerator(**json.loads(value)) for value in sorted(client().hvals(KEY))]
    return [row for row in rows if time.time() - row.at < KEPT]
