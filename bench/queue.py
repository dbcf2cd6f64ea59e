"""Measures staff's queue by keys alone: `python -m bench.queue [--cases 30] [--others 20000]`.

Reported pictures, whose copies were looked for as the beat task does each minute, wait among so many decided
cases and so many other pictures' hashes. A browser decides them without a mouse: A keeps, R and a digit
remove, U undoes. Measured is the time from the key to the next case on the screen, with its picture. Exits 1
when the 95th percentile is above 200 ms or fewer than 20 decisions a minute could be made.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import cv2
import numpy as np

from bench.attack import product
from bench.attacks import Target
from bench.attacks.staff import entered, staff
from bench.copies import fill
from bench.house import person
from bench.machine import machine

MOST_MS, LEAST_A_MINUTE = 200.0, 20
SIDE, LONGEST = 384, 30.0  # px of a picture; seconds that a page may take
PAGE = "/admin/moderation/queue/"
RIGHTS = ("moderation.decide_case", "moderation.look_case")
# What one does: most reports are kept, some removed, one taken back.
KEYS = (("a",), ("r", "1"), ("a",), ("r", "5"), ("a",), ("u", "a"))
# The case on the screen is noted; another one is there once its pictures are.
NOTE = "() => { document.querySelector('.queue').dataset.seen = 'yes'; }"
SHOWN = """() => document.readyState === 'complete' && document.querySelector('.queue:not([data-seen])')
  && [...document.images].every((image) => image.complete)"""


@dataclass
class Seen:
    """Milliseconds from the last key to the next case, by what was done."""

    by_act: dict[str, list[float]] = field(default_factory=dict)

    def add(self, act: str, ms: float) -> None:
        self.by_act.setdefault(act, []).append(ms)

    @property
    def all(self) -> list[float]:
        return [ms for some in self.by_act.values() for ms in some]


def hang_up(user: Any, number: int) -> Any:
    """A picture of coarse noise, unlike all others, in the user's gallery."""
    from gallery.models import Item
    from gallery.services import save_item
    from ml import media

    noise = np.random.default_rng([31, number]).integers(40, 220, (12, 16, 3), np.uint8)
    item = Item(user=user, width=4 * SIDE // 3, height=SIDE, mark=number)
    png = media.encode_png(np.asarray(cv2.resize(noise, (item.width, SIDE)), np.uint8))
    for name, value in save_item(user.id, item.id, png).items():
        setattr(item, name, value)
    item.save()
    return item


def report_some(count: int) -> None:
    """Cases of `count` published pictures."""
    from gallery.sharing import publishing
    from moderation.cases import services, watching

    author = person("author")
    for number in range(count):
        item = hang_up(author, number)
        row = publishing.approve(publishing.submit(author, item, author="Author"), actor=None)
        sender = services.Sender(network=f"198.51.100.{number}")
        services.report(sender, kind="publication", ident=str(row.id), reason="me", text="That is me.")
    while watching.find_copies():  # some in each round
        pass


def decided_before(count: int) -> None:
    """So many cases of other pictures, each kept."""
    from moderation.cases.models import Case, Decision

    cases = [
        Case(number=f"PF-{n:06d}", kind="report", state="decided", subject_kind="item", subject_id=uuid4())
        for n in range(count)
    ]
    Case.objects.bulk_create(cases, 5000)
    made = (Decision(case=case, outcome="keep", reason="allowed") for case in cases)
    Decision.objects.bulk_create(made, 5000)


def decide_by_keys(page: Any, count: int) -> Seen:
    """Decides until `count` decisions are made."""
    seen = Seen()
    for number in range(count):
        for key in KEYS[number % len(KEYS)]:
            start = time.perf_counter()
            page.evaluate(NOTE)
            page.keyboard.press(key)
            if key == "r":  # a digit follows
                continue
            wait_for_another(page)
            seen.add({"a": "kept", "u": "undone"}.get(key, "removed"), 1000 * (time.perf_counter() - start))
    return seen


def wait_for_another(page: Any) -> None:
    """Asks again and again from here: our policy forbids Playwright's own way, which uses eval."""
    from playwright.sync_api import Error

    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        with contextlib.suppress(Error):  # the old page is going
            if page.evaluate(SHOWN):
                return
        time.sleep(0.002)
    raise RuntimeError(f"no other case after {LONGEST:.0f} s: {page.url} {page.inner_text('body')[:500]}")


def measure(target: Target, cases: int) -> Seen:
    from playwright.sync_api import sync_playwright

    cookie = entered(target, staff(*RIGHTS)).cookies["sessionid"]
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": target.url}])
        page.goto(f"{target.url}{PAGE}")
        seen = decide_by_keys(page, cases - 1)
        browser.close()
    return seen


def told(seen: Seen) -> bool:
    for act, took in seen.by_act.items():
        median, late = np.percentile(took, (50, 95))
        print(f"  {act:8} {len(took):3}: the next case after {median:.0f} ms, 95 % {late:.0f} ms")
    median, late = np.percentile(seen.all, (50, 95))
    a_minute = 60_000 / float(np.mean(seen.all))
    print(f"  all: {median:.0f} ms, 95 % {late:.0f} ms; {a_minute:.0f} decisions a minute by the machine")
    return bool(late <= MOST_MS and a_minute >= LEAST_A_MINUTE)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--others", type=int, default=20_000)
    args = parser.parse_args()
    print(machine())
    with product() as target:
        fill(args.others)
        decided_before(args.others)
        report_some(args.cases)
        print(f"{args.cases} cases among {args.others} other pictures and as many decided cases")
        return int(not told(measure(target, args.cases)))


if __name__ == "__main__":
    sys.exit(main())
