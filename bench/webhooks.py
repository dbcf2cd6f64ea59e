"""1,000 endpoints of which 100 hang: `python -m bench.webhooks [--endpoints 1000] [--hanging 100]`.

A run of each user ends, with one real worker: how long after its end does each endpoint have the message?
First when nobody knows yet which endpoints hang, then when it is known. Exits 1 when the 95th percentile of
those that do not hang is a second or more in either round, or when one of them gets nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import time
from datetime import datetime
from typing import Any

import numpy as np

from bench.house import house, person, worker
from bench.machine import machine

EACH = 10  # endpoints of a user: as many as one may have
MOST_SECONDS, PATIENCE = 1.0, 60.0


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Any) -> None:
    """Answers at /ok, and tells how old the message was; anywhere else it never answers."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    at = time.time()
    if not head.startswith("post /ok"):
        await asyncio.sleep(3600)
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    said = json.loads(await reader.readexactly(length))
    heard.put(at - datetime.fromisoformat(said["timestamp"]).timestamp())
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


def receive(heard: Any) -> None:
    """A process of its own: it shares no processor time with what it measures but the machine's."""

    async def serve() -> None:
        async with await asyncio.start_server(
            lambda reader, writer: take(reader, writer, heard), "127.0.0.1", 0, backlog=2048
        ) as server:
            heard.put(server.sockets[0].getsockname()[1])
            await server.serve_forever()

    asyncio.run(serve())


def endpoints(port: int, count: int, hanging: int) -> list[Any]:
    """The users. The endpoints that hang are spread over them."""
    from accounts.developers.webhooks import create_webhook

    people = [person(f"user{n}") for n in range(-(-count // EACH))]
    for n in range(count):
        hangs = n * hanging // count != (n + 1) * hanging // count
        url = f"http://127.0.0.1:{port}/{'hang' if hangs else 'ok'}/{n}"
        create_webhook(people[n // EACH], url=url, events=["export.succeeded"])
    return people


def end_a_run(user: Any) -> None:
    from accounts.models import Export

    run = Export.objects.create(user=user, scope="items")
    mine = Export.claim(run.id)
    assert mine is not None
    mine.finish(size=1)


def waits_of(people: list[Any], heard: Any, count: int) -> list[float]:
    start = time.monotonic()
    for user in people:
        end_a_run(user)
    print(f"  {len(people)} runs ended in {time.monotonic() - start:.1f} s")
    found: list[float] = []
    while len(found) < count and time.monotonic() - start < PATIENCE:
        if not heard.empty():
            found.append(heard.get())
        else:
            time.sleep(0.01)
    return found


def measure(people: list[Any], heard: Any, well: int) -> bool:
    good = True
    for name in ("nobody knows which hang", "it is known which hang"):
        print(name)
        found = waits_of(people, heard, well)
        if len(found) < well:
            print(f"  {well - len(found)} of {well} got nothing")
            return False
        middle, high, most = np.percentile(found, (50, 95, 100))
        print(f"  {well} others waited {middle:.2f} s (median), {high:.2f} s (p95), {most:.2f} s (most)")
        good = good and bool(high < MOST_SECONDS)
        time.sleep(20)  # until those that hang are given up
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--hanging", type=int, default=100)
    asked = parser.parse_args()
    os.environ["WEBHOOK_PRIVATE"] = "1"
    heard: Any = multiprocessing.get_context("spawn").Queue()
    server = multiprocessing.get_context("spawn").Process(target=receive, args=(heard,), daemon=True)
    server.start()
    with house(), worker("io"):
        print(machine())
        people = endpoints(heard.get(), asked.endpoints, asked.hanging)
        time.sleep(5)  # until the worker is there
        good = measure(people, heard, asked.endpoints - asked.hanging)
    server.terminate()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
