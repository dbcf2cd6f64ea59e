"""Opens 1,000 event streams of 100 users on one web process: `python -m bench.streams [--streams 1000]`.

Prints the memory and the threads of the web process per idle stream, and its connections to PostgreSQL and
Redis; then how soon a change reaches all ten streams of a user, and how soon a logout ends a stream. Exits 1
when a stream costs a thread or a connection or takes more than 100 KB, or a change or an end comes later than
a second.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.attack import started
from bench.house import house, person
from bench.load import free_port, wait_for
from bench.machine import machine
from config.start import processes

EACH = 10  # streams of a user: as many as one may have
MOST_KB, MOST_SECONDS = 100.0, 1.0


class Server:
    """What the web process holds, read from /proc, PostgreSQL and Redis."""

    def __init__(self, pid: int) -> None:
        self.pids = [pid, *map(int, children(pid))]

    def status(self, field: str) -> int:
        """Summed over the processes: `Threads`, or `VmRSS` in KB."""
        texts = (Path(f"/proc/{pid}/status").read_text() for pid in self.pids)
        return sum(int(m[1]) for text in texts if (m := re.search(rf"{field}:\s+(\d+)", text)))

    def connections(self) -> tuple[int, int]:
        """To PostgreSQL and to Redis, from all of the product."""
        import redis
        from django.conf import settings
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            (postgres,) = cursor.fetchone()
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            return postgres, len(client.client_list())


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def session_of(user: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


async def opened(port: int, session: str) -> asyncio.StreamReader:
    """A stream that has got its snapshot and its credits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reader.writer = writer  # type: ignore[attr-defined]  # kept: a stream is closed with its writer
    writer.write(
        f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sessionid={session}\r\n\r\n".encode()
    )
    await asyncio.wait_for(reader.readuntil(b"event: credits"), 60)
    await reader.readuntil(b"\n\n")
    return reader


async def measure(port: int, server: Server, count: int) -> bool:
    people = [await asyncio.to_thread(person, f"user{n}") for n in range(-(-count // EACH))]
    sessions = [await asyncio.to_thread(session_of, one) for one in people]
    for session in sessions[:3]:  # the first requests load code; these streams are closed again
        (await opened(port, session)).writer.close()  # type: ignore[attr-defined]
    await asyncio.sleep(1)
    before = {name: server.status(name) for name in ("VmRSS", "Threads")}
    links = await asyncio.to_thread(server.connections)
    start = time.monotonic()
    streams = [await opened(port, sessions[n // EACH]) for n in range(count)]
    print(f"{count} streams of {len(people)} users opened in {time.monotonic() - start:.1f} s")
    await asyncio.sleep(12)  # the database pool closes what it does not need
    memory = (server.status("VmRSS") - before["VmRSS"]) / count
    threads = server.status("Threads") - before["Threads"]
    now = await asyncio.to_thread(server.connections)
    print(f"memory: {memory:.1f} KB a stream ({before['VmRSS'] / 1024:.0f} MB without any)")
    print(f"threads: {before['Threads']} without any, {threads:+d} with all")
    print(f"connections to PostgreSQL and Redis: {links} without any, {now} with all")
    held = memory < MOST_KB and threads <= 8 and now[0] - links[0] <= 4 and now[1] - links[1] <= 2
    told = await change(people[-1], streams[-EACH:])
    ended = await log_out(sessions[0], streams[0])
    return held and told and ended


async def change(user: Any, streams: list[asyncio.StreamReader]) -> bool:
    from accounts.models import Export

    start = time.monotonic()
    await asyncio.to_thread(lambda: Export.objects.create(user=user, scope="items").stop())
    for stream in streams:
        await asyncio.wait_for(stream.readuntil(b"event: run"), 60)
    seconds = time.monotonic() - start
    print(f"a change reached all {len(streams)} streams of its user in {seconds * 1000:.0f} ms")
    return seconds < MOST_SECONDS


async def log_out(session: str, stream: asyncio.StreamReader) -> bool:
    from django.contrib.sessions.backends.db import SessionStore

    start = time.monotonic()
    await asyncio.to_thread(SessionStore(session).flush)
    await asyncio.wait_for(stream.readuntil(b"\r\n0\r\n\r\n"), 60)
    seconds = time.monotonic() - start
    print(f"a logout ended its stream in {seconds * 1000:.0f} ms")
    return seconds < MOST_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=1000)
    count = parser.parse_args().streams
    with house(), tempfile.TemporaryDirectory() as folder:
        port = free_port()
        row, log = processes.web("127.0.0.1", port), Path(folder) / "web.log"
        with started(row, log) as process:
            wait_for(f"http://127.0.0.1:{port}/healthz")
            print(machine())
            good = asyncio.run(measure(port, Server(process.pid), count))
        print("" if good else log.read_text()[-2000:])
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
