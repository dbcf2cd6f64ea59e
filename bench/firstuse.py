"""Counts what a newcomer must do: `python -m bench.firstuse`.

Starts a temporary installation, and walks through it on a phone's screen as somebody who has never seen it:
from the landing page to a first picture, of the demonstration person, and to a first own one; then a
restoration, headshots, a shared link, and the erasure of everything. Prints for each the pages opened, the
clicks, the fields filled in, and the seconds, of which most are the machine's (training, rendering). The
e-mail's link is opened without an e-mail, and credits come before the headshots; neither is counted. Exits 1
where a walk has more steps than MOST.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter

from bench.house import ROOT, house
from bench.load import free_port, wait_for
from bench.machine import machine
from config.start import processes

EMAIL, PASSWORD = "newcomer@example.com", "correct horse battery"
PHOTOS, SOFT_SIDE = 12, 280  # px
PATIENCE = 1_800_000  # ms: the machine may be busy
WORKERS = (("train", 1), ("render", 1), ("cpu", 1), ("io", 1))
# Steps (clicks and fields) of each walk: more than these are a fault.
MOST = {
    "first picture": 5,
    "own picture": 11,
    "restore": 3,
    "headshots": 3,
    "share": 3,
    "delete everything": 4,
}


@dataclass
class Walk:
    """A page, and what somebody did on it."""

    page: Any
    pages: int = 0
    clicks: int = 0
    fields: int = 0
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.page.on("framenavigated", self._opened)

    def _opened(self, frame: Any) -> None:
        self.pages += frame == self.page.main_frame

    def click(self, role: str, name: str, *, first: bool = True, exact: bool = False) -> None:
        found = self.page.get_by_role(role, name=name, exact=exact).locator("visible=true")
        (found.first if first else found.last).click()
        self.page.wait_for_load_state()
        self.clicks += 1

    def write(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).locator("visible=true").last.fill(text)
        self.fields += 1

    def send(self, where: str, files: list[Path]) -> None:
        self.page.locator(where).set_input_files(files)
        self.fields += 1

    def sees(self, where: str, count: int = 1) -> None:
        self.page.locator(where).nth(count - 1).wait_for(timeout=PATIENCE)


# ---------------------------------------------------------------- the walks


def first_picture(walk: Walk, _photos: list[Path]) -> None:
    """Of the demonstration person: nothing is uploaded, no address confirmed, nothing paid."""
    walk.page.goto("/")
    walk.click("link", "Try it without photos")
    sign_up(walk, "visitor@example.com")
    walk.click("button", "Create ·")  # a sentence is there
    walk.sees(".result img", 2)
    walk.page.context.clear_cookies()  # the next walk is somebody else's


def sign_up(walk: Walk, email: str) -> None:
    walk.write("E-mail", email)
    walk.write("Password", PASSWORD)
    walk.click("button", "Sign up")


def own_picture(walk: Walk, photos: list[Path]) -> None:
    walk.page.goto("/")
    walk.click("link", "Make my twin")
    sign_up(walk, EMAIL)
    if "/twins/new/" not in walk.page.url:
        walk.click("link", "Make my twin")
    walk.click("button", "Go on to the photos")
    walk.page.get_by_label("I have read this and agree.").check()
    walk.clicks += 1
    walk.click("button", "Agree and go on")
    walk.send("#files", photos)
    walk.sees("#photos .accepted", 10)
    confirm_address()
    walk.page.reload()
    walk.click("button", "Train", first=False)
    walk.page.get_by_role("link", name="Make pictures").first.wait_for(timeout=PATIENCE)
    walk.click("link", "Make pictures")
    walk.click("button", "Create ·")
    walk.sees(".result img", 2)


def restore(walk: Walk, photos: list[Path]) -> None:
    walk.page.goto("/studio/")
    walk.click("link", "Restorations")
    walk.send("#image", [soft(photos[0])])
    walk.click("button", "Restore ·")
    walk.sees("#history .pair img", 2)


def headshots(walk: Walk, _photos: list[Path]) -> None:
    grant_credits()
    walk.page.goto("/studio/")
    walk.click("link", "Headshots")
    walk.page.locator(".pack").first.click()
    walk.page.wait_for_load_state()
    walk.clicks += 1
    walk.click("button", "Create ·")
    walk.sees(".shot img")  # the pack's page has pictures of its own


def share(walk: Walk, _photos: list[Path]) -> None:
    walk.page.goto("/gallery/")
    walk.page.locator("#rows a").first.click()
    walk.page.wait_for_load_state()
    walk.clicks += 1
    walk.click("button", "Share", exact=True)
    walk.click("button", "Make the link")
    walk.page.get_by_label("Address of the link").wait_for()


def delete_everything(walk: Walk, _photos: list[Path]) -> None:
    walk.page.goto("/gallery/")
    walk.click("link", "Account")
    walk.click("link", "Erase the account")
    walk.write("Your password, or a code of your second factor", PASSWORD)
    walk.click("button", "Erase everything")
    walk.page.get_by_role("link", name="Log in").first.wait_for()


WALKS: dict[str, Callable[[Walk, list[Path]], None]] = {
    "first picture": first_picture,
    "own picture": own_picture,
    "restore": restore,
    "headshots": headshots,
    "share": share,
    "delete everything": delete_everything,
}


# ---------------------------------------------------------------- what is not counted


def confirm_address() -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(email=EMAIL).update(verified=True, primary=True)


def grant_credits() -> None:
    from accounts.models import User
    from billing import ledger

    user = User.objects.get(email=EMAIL)
    ledger.grant(ledger.wallet_of(user), 100, cause=f"bench:{user.id}")


def drawn(folder: Path, seed: int = 6) -> list[Path]:
    asked = ("people", "--count", "1", "--photos", str(PHOTOS), "--seed", str(seed), "--out", str(folder))
    subprocess.run([sys.executable, "-m", "ml", *asked], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return sorted(folder.rglob("*.jpg"))


def soft(photo: Path) -> Path:
    """A small, blurred copy: what is sharp already is not restored."""
    picture = Image.open(photo).convert("RGB")
    picture.thumbnail((SOFT_SIDE, SOFT_SIDE))
    path = photo.with_name("soft.jpg")
    picture.filter(ImageFilter.GaussianBlur(1.2)).save(path, quality=60)
    return path


@contextlib.contextmanager
def product(port: int) -> Iterator[None]:
    rows = [processes.web("127.0.0.1", port), *(processes.worker(q, concurrency=n) for q, n in WORKERS)]
    quiet = subprocess.DEVNULL
    started = [subprocess.Popen(r.argv, cwd=ROOT, env=r.env(), stdout=quiet, stderr=quiet) for r in rows]
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield
    finally:
        for each in started:
            each.terminate()
        for each in started:
            each.wait()


def walked(page: Any, photos: list[Path]) -> bool:
    """Walks all of it and prints a row for each; whether every walk has few enough steps."""
    few = True
    print(f"{'':18} {'pages':>6} {'clicks':>7} {'fields':>7} {'seconds':>8}")
    for name, go in WALKS.items():
        walk = Walk(page)
        go(walk, photos)
        page.remove_listener("framenavigated", walk._opened)
        took = time.monotonic() - walk.began
        print(f"{name:18} {walk.pages:6} {walk.clicks:7} {walk.fields:7} {took:8.0f}", flush=True)
        few &= walk.clicks + walk.fields <= MOST[name]
    return few


def main() -> int:
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    with house() as folder, product(port := free_port()), sync_playwright() as playwright:
        print(machine())
        photos = drawn(folder / "people")
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
        context = browser.new_context(
            **phone, base_url=f"http://127.0.0.1:{port}", locale="en", service_workers="block"
        )
        context.set_default_timeout(PATIENCE)
        few = walked(context.new_page(), photos)
        browser.close()
    return 0 if few else 1


if __name__ == "__main__":
    sys.exit(main())
