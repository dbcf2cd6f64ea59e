"""Measures how fast a photo is judged: `python -m bench.verdicts`.

Sends 12-megapixel JPEGs of a drawn person to a real worker. Measures CPU seconds per photo, one after the
other, and wall time from request to verdict with four parallel uploads. Exits 1 above 0.3 CPU seconds, or
2 s of wall time at the 95th percentile."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.house import house, person, worker
from bench.machine import machine

PHOTOS = 12
MOST_CPU, MOST_WALL = 0.3, 2.0  # seconds
SIZE = (4000, 3000)  # px


def photos() -> list[bytes]:
    """As a phone takes them: the drawing enlarged to 12 megapixels, with grain, so that its file is as
    large as a photo's."""
    import cv2
    import numpy as np

    from ml import media
    from ml.drawn.people import random_person, varied_scenes
    from ml.drawn.portraits import draw

    rng, out = np.random.default_rng([5, 0]), []
    someone = random_person(rng)
    for scene in varied_scenes(rng, PHOTOS):
        large = cv2.resize(draw(someone, scene, 1500, 2000), SIZE, interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 3, large.shape[:2])[..., None]
        out.append(media.encode_jpeg(np.clip(large + grain, 0, 255).astype(np.uint8), 90))
    return out


def verdict(photo: Any) -> Any:
    """Wait for it."""
    while True:
        photo.refresh_from_db()
        if not photo.is_open:
            return photo
        time.sleep(0.03)


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its children, including ended ones."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for child in [pid, *_children(pid)]:
        fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(int(v) for v in fields[11:15]) / ticks
    return total


def _children(pid: int) -> list[int]:
    found = [
        int(c)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for c in (task / "children").read_text().split()
    ]
    return found + [g for c in found for g in _children(c)]


def main() -> int:
    with house(), worker("cpu", count=2) as running:
        from twins import services
        from twins.models import Photo

        pictures, user = photos(), person("alice")
        twin = services.create_twin(user, name="Me")
        four_at_once(twin, pictures[:8])  # the models are loaded by both processes
        before, one_by_one = cpu_seconds(running.pid), []
        for data in pictures[:5]:
            start = time.monotonic()
            verdict(services.add_photo(twin, data=data))
            one_by_one.append(time.monotonic() - start)
        cpu = (cpu_seconds(running.pid) - before) / len(one_by_one)
        Photo.objects.filter(twin=twin).delete()
        wall = four_at_once(twin, pictures * 2)
        late = statistics.quantiles(wall, n=20)[-1]
        print(machine())
        print(
            f"CPU seconds a photo: {cpu:.2f}; wall {statistics.median(one_by_one):.2f} s alone;"
            f" weight {len(pictures[0]) / 1e6:.1f} MB"
        )
        print(f"four at once: median {statistics.median(wall):.2f} s, 95th percentile {late:.2f} s")
        return int(cpu > MOST_CPU or late > MOST_WALL)


def four_at_once(twin: Any, pictures: list[bytes]) -> list[float]:
    from django.db import connection

    from twins import services

    took, todo, lock = [], list(pictures), threading.Lock()

    def send() -> None:
        while True:
            with lock:
                if not todo:
                    break
                data = todo.pop()
            start = time.monotonic()
            photo = verdict(services.add_photo(twin, data=data))
            took.append(time.monotonic() - start)
            services.delete_photo(photo)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


if __name__ == "__main__":
    sys.exit(main())
