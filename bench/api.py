"""Measures the server's time per request: `python -m bench.api`.

One user with 1,000 items, 25 photos and 200 jobs calls every GET address of the API, in this process. Prints
the median and 95th percentile in milliseconds and the number of queries. Exits 1 when a median is above
50 ms.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from bench.gallery import fill
from bench.house import client_of, house, person
from bench.machine import machine

ROUNDS = 40
MOST = 50.0  # ms
FIXED = {
    "me": "me",
    "consents": "consents",
    "billing": "billing",
    "entries": "billing/entries",
    "plans": "plans",
    "twins": "twins",
    "library": "photos",
    "generations": "generations",
    "items": "items?limit=100",
    "albums": "albums",
    "styles": "styles",
    "suggest": "prompts/suggest?q=smi",
}


def things(user: Any) -> dict[str, str]:
    """Fills the account and returns the addresses to measure, by name."""
    from gallery.models import Item
    from generation.models import Job
    from twins.models import Photo, Training, Twin

    twin = Twin.objects.create(user=user, name="Me")
    fill(user, twin, 0, 1000)
    Photo.objects.bulk_create(
        Photo(user=user, twin=twin, status="succeeded", accepted=True, hash=i, yaw=0.0, light=0.5)
        for i in range(25)
    )
    training = Training.objects.create(
        user=user, twin=twin, number=1, base="nano", status="succeeded", sha256="x"
    )
    Twin.objects.filter(id=twin.id).update(active_training=training)
    jobs = Job.objects.bulk_create(
        Job(user=user, twin=twin, training=training, prompt="in a park", seed=i, status="succeeded")
        for i in range(200)
    )
    item = Item.objects.filter(user=user).first()
    assert item
    return FIXED | {
        "twin": f"twins/{twin.id}",
        "photos": f"twins/{twin.id}/photos",
        "trainings": f"twins/{twin.id}/trainings",
        "training": f"trainings/{training.id}",
        "generation": f"generations/{jobs[0].id}",
        "item": f"items/{item.id}",
    }


def main() -> int:
    with house():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        user = person("alice")
        client = client_of(user)
        print(machine())
        print(f"{'':14}{'median ms':>10}{'95th':>8}{'queries':>9}")
        slow = False
        for name, path in things(user).items():
            took = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                response = client.get(f"/api/v1/{path}")
                took.append(1000 * (time.perf_counter() - start))
                assert response.status_code == 200, (path, response.content)
            with CaptureQueriesContext(connection) as asked:
                client.get(f"/api/v1/{path}")
            median, late = statistics.median(took), statistics.quantiles(took, n=20)[-1]
            slow |= median > MOST
            print(f"{name:14}{median:10.1f}{late:8.1f}{len(asked):9}")
        return int(slow)


if __name__ == "__main__":
    sys.exit(main())
