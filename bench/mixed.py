"""The sessions of bench/chaos.py; locust runs this file. They do what those of bench/visitors.py do, and also
send photos, train twins and buy packs of credits, whose payments a double of Stripe takes.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import requests
from locust import task

from bench import visitors

TRAIN, BUY = "API: train", "API: buy credits"


class Mixed(visitors.Session):
    def call(self, how: str, path: str, name: str, fine: tuple[int, ...] = (), **more: Any) -> Any:
        """The answer, or None after a failure, which is told. `fine`: refusals that are no failure."""
        once, address = {"Idempotency-Key": str(uuid.uuid4())}, f"{self.host}/api/v1/{path}"
        begun, error, said = time.perf_counter(), None, None
        try:
            said = self.with_token(
                lambda token: requests.request(how, address, headers=token | once, timeout=60, **more)
            )
            if said.status_code not in fine:
                said.raise_for_status()
        except requests.RequestException as failed:
            error = failed
        visitors.tell(name, begun, error)
        return None if error else said

    @task(2)
    def send_photo(self) -> None:
        """A photo that is taken back at once, so that the twin does not fill up."""
        path, photo = f"twins/{self.person['twin']}/photos", Path(self.person["photo"]).read_bytes()
        said = self.call("POST", path, "API: send a photo", files={"file": ("me.jpg", photo)})
        if said is not None:
            self.call("DELETE", f"{path}/{said.json()['id']}", "API: delete a photo")

    @task(1)
    def train(self) -> None:
        """One at a time: 409 while one is under way."""
        self.call("POST", f"twins/{self.person['twin']}/trainings", TRAIN, (409,), json={"base": "nano"})

    @task(1)
    def buy(self) -> None:
        said = self.call("POST", "billing/checkout", BUY, json={"pack": self.person["pack"]})
        if said is not None:  # on the page of the double
            requests.post(said.json()["url"], data={"action": "pay"}, allow_redirects=False, timeout=60)
