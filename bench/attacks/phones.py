"""Codes by SMS: guessed in parallel, asked for without end, and used to find out who has an account."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from secrets import randbelow
from typing import Any

import httpx2

from bench.attacks import Target, attack, expect
from bench.attacks.accounts import person

AUTH = "/api/v1/auth/phone"


def number() -> str:
    """A Spanish mobile number of a block that nobody else uses here."""
    return f"+346{randbelow(10**5):05}{randbelow(10**3):03}"


def ask(client: httpx2.Client, phone: str, **more: str) -> httpx2.Response:
    return client.post(AUTH, json={"phone": phone, **more})


def code_to(target: Target, phone: str) -> str:
    """The code that the console sender printed. It is sent after the answer."""
    for _ in range(50):
        text = "\n".join(log.read_text(errors="replace") for log in target.logs)
        if found := re.findall(rf"SMS to {re.escape(phone)}: \D*(\d{{6}})", text):
            return str(found[-1])
        time.sleep(0.1)
    raise RuntimeError(f"no message to {phone}")


@attack("P1", "200 parallel guesses of one code, from as many addresses")
def guessed(target: Target) -> str:
    phone = number()
    ident = ask(target.client("203.0.113.90"), phone).json()["id"]
    right = code_to(target, phone)
    wrong = [f"{(int(right) + 1 + n) % 10**6:06}" for n in range(200)]

    def guess(n: int) -> Any:
        with target.client(f"10.9.{n // 250}.{n % 250 + 1}") as client:
            return client.post(f"{AUTH}/{ident}", json={"code": wrong[n]}).json()["code"]

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(guess, range(200)))
    expect(said.count("invalid") <= 4, f"{said.count('invalid')} guesses were compared and could go on")
    late = target.client("203.0.113.91").post(f"{AUTH}/{ident}", json={"code": right})
    expect(late.status_code == 409, "the right code opened after 200 wrong ones")
    return f"{said.count('invalid')} wrong, {said.count('code_expired')} over; the right one too"


@attack("P2", "500 neighbouring numbers, each from an address of its own")
def pumped(target: Target) -> str:
    block = number()[:-3]
    said = []
    for n in range(500):
        with target.client(f"10.8.{n // 250}.{n % 250 + 1}") as client:
            said.append(ask(client, f"{block}{n:03}").status_code)
    expect(said.count(202) <= 20, f"{said.count(202)} messages went out")
    forged = [ask(target.client(f"198.51.100.7, 203.0.113.{92}"), number()).status_code for _ in range(12)]
    expect(forged.count(202) <= 10, "X-Forwarded-For made one asker many")
    return f"{said.count(202)} messages, {said.count(429)} refused; one asker gets {forged.count(202)}"


@attack("P3", "asking for codes tells whether a number has an account, by answer or by time")
def enumerated(target: Target) -> str:
    seconds: tuple[list[float], list[float]] = ([], [])
    shapes = set()
    for n in range(100):
        for which in (0, 1):
            phone, user = number(), None
            if which:
                user = person("p3")
                type(user).objects.filter(id=user.id).update(phone=phone)
            with target.client(f"10.7.{which}.{n + 1}") as client:
                client.get("/healthz")
                began = time.monotonic()
                said = ask(client, phone, channel="email" if n % 2 else "sms")
                seconds[which].append(time.monotonic() - began)
            shapes.add((said.status_code, tuple(said.json()), len(said.content)))
    expect(len({shape[:2] for shape in shapes}) == 1, f"the answers differ: {shapes}")
    apart = abs(sorted(seconds[0])[50] - sorted(seconds[1])[50])
    expect(apart < 0.005, f"{apart * 1000:.1f} ms apart")
    return f"200 answers alike; the medians are {apart * 1000:.1f} ms apart"
