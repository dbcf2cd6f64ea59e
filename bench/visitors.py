"""The sessions of a load; locust runs this file (bench/load.py). VISITORS is a file with people's cookies,
tokens and pictures; REPORT is the file that the figures are written to.

A session keeps an event stream open, looks at pages with their thumbnails, asks the API, and now and then
asks for a picture. It waits 2 to 6 seconds between two of these.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import requests
from locust import HttpUser, between, events, task

PEOPLE = json.loads(Path(os.environ["VISITORS"]).read_text())
TURNS = itertools.count()
FAILED: list[tuple[float, str]] = []  # when, and what
LOCK, REFRESHES = threading.Lock(), 6
THUMBNAILS = 6  # of a page of the gallery
STREAM, AGAIN, ASK = "event stream", "event stream, opened anew", "API: ask for a picture"


class Session(HttpUser):  # type: ignore[misc]
    wait_time = between(2, 6)

    def on_start(self) -> None:
        number = next(TURNS)
        self.person, self.turn = PEOPLE[number % len(PEOPLE)], random.Random(number)
        self.cookies = {"sessionid": self.person["session"]}
        self.client.cookies.update(self.cookies)
        gevent.spawn(self.listen)

    def listen(self) -> None:
        """Opens the stream, and opens it anew whenever it ends."""
        for name in itertools.chain([STREAM], itertools.repeat(AGAIN)):
            begun, told = time.perf_counter(), False
            try:
                with requests.get(
                    f"{self.host}/api/v1/events", cookies=self.cookies, stream=True, timeout=60
                ) as answer:
                    answer.raise_for_status()
                    for _line in answer.iter_lines():
                        if not told:
                            tell(name, begun)
                            told = True
            except requests.RequestException as error:
                if not told:  # it was not let in; a stream that is cut later is opened anew
                    tell(name, begun, error)
            gevent.sleep(self.turn.uniform(0.5, 1.5))

    def page(self, path: str, name: str) -> None:
        with self.client.get(path, name=f"page: {name}", catch_response=True) as answer:
            if answer.ok and "/accounts/login/" in answer.url:
                answer.failure("logged out")

    def with_token(self, send: Callable[[dict[str, str]], requests.Response]) -> requests.Response:
        """`send` gets the header. A token that is refused is refreshed, as the product's clients do it: the
        clock of the web process that made it, or of the one that refuses it, may be wrong."""
        for _again in range(REFRESHES):
            token = self.person["token"]
            answer = send({"Authorization": f"Bearer {token}"})
            if answer.status_code != 401:
                break
            with LOCK:  # people have several sessions, and a refresh token works once
                if token == self.person["token"]:
                    self.refresh()
        return answer

    def refresh(self) -> None:
        said = requests.post(
            f"{self.host}/_allauth/app/v1/tokens/refresh", json={"refresh_token": self.person["refresh"]}
        )
        if said.ok:
            new = said.json()["data"]
            self.person |= {"token": new["access_token"], "refresh": new["refresh_token"]}

    def thumbnails(self) -> None:
        for ident in self.turn.sample(self.person["items"], THUMBNAILS):
            self.client.get(f"/api/v1/items/{ident}/thumbnail", name="thumbnail")

    @task(4)
    def gallery(self) -> None:
        self.page("/gallery/", "gallery")
        self.thumbnails()

    @task(2)
    def picture(self) -> None:
        self.page(f"/gallery/{self.turn.choice(self.person['items'])}/", "picture")

    @task(2)
    def studio(self) -> None:
        self.page("/studio/", "studio")

    @task(1)
    def twin(self) -> None:
        self.page(f"/twins/{self.person['twin']}/", "twin")

    @task(1)
    def help(self) -> None:
        self.page("/help/", "help")

    @task(3)
    def listing(self) -> None:
        self.client.get("/api/v1/items?limit=30", name="API: list")

    @task(3)
    def polling(self) -> None:
        self.client.get("/api/v1/generations?limit=5", name="API: poll")

    @task(1)
    def ask(self) -> None:
        """Asks for a picture. One key for each, as the product's clients do, so that asking twice is safe."""
        once = {"Idempotency-Key": str(uuid.uuid4())}
        asked = {"twin": self.person["twin"], "prompt": "in a park, smiling", "count": 1}
        begun, error = time.perf_counter(), None
        try:
            address = f"{self.host}/api/v1/generations"
            self.with_token(
                lambda token: requests.post(address, json=asked, headers=token | once, timeout=60)
            ).raise_for_status()
        except requests.RequestException as failed:
            error = failed
        tell(ASK, begun, error)


def tell(name: str, begun: float, error: Exception | None = None) -> None:
    took = 1000 * (time.perf_counter() - begun)
    events.request.fire(
        request_type="", name=name, response_time=took, response_length=0, exception=error, context={}
    )


@events.request.add_listener
def note(name: str, exception: Exception | None, **_: Any) -> None:
    if exception:
        FAILED.append((time.time(), f"{name}: {exception}"))


@events.quitting.add_listener
def write(environment: Any, **_: Any) -> None:
    stats = environment.stats
    rows = [
        {
            "name": entry.name,
            "requests": entry.num_requests,
            "failures": entry.num_failures,
            "p50": entry.get_response_time_percentile(0.5),
            "p95": entry.get_response_time_percentile(0.95),
        }
        for entry in sorted(stats.entries.values(), key=lambda entry: entry.name)
    ]
    seconds = stats.total.last_request_timestamp - stats.start_time
    size = stats.total.total_content_length
    report = {"rows": rows, "size": size, "failed": FAILED, "seconds": seconds}
    Path(os.environ["REPORT"]).write_text(json.dumps(report))
