"""Remakes the clips and pictures of the help centre: `python -m bench.tutorials`.

Starts a temporary installation, walks through it on a phone's screen in each language, and keeps clips
(MP4, silent) and cropped pictures in static/help/LANGUAGE/, which articles show by `![words](clip:NAME)` and
`![words](shot:NAME)`. Everybody in them is drawn: the demonstration person, whose photos are drawn too. Run
it again when these pages change; `--only es` remakes one language alone. A language takes four minutes on two
cores, most of it a training. Chinese needs a font, and the browser's own buttons need its translations
(Debian: fonts-wqy-zenhei, chromium-l10n).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.film import PHONE, SEEN, Camera
from bench.firstuse import PATIENCE, PHOTOS, drawn, product, soft
from bench.house import ROOT, house, person
from bench.landing import PERSON
from bench.load import free_port

FOLDER = ROOT / "static" / "help"
PASSWORD = "a long password"  # bench.house.person gives it
MOST = 4_000_000  # bytes of all clips
LONGEST = 15.0  # seconds of a clip
STEP = 180_000  # ms for a page; a training or a picture has PATIENCE


def said(words: str, context: str = "") -> str:
    """A sentence of the product in the language that is filmed."""
    from django.utils.translation import gettext, pgettext

    return pgettext(context, words) if context else gettext(words)


@dataclass
class Scene:
    """A walk in one language. `page` is a phone on which `user` is logged in."""

    camera: Camera
    language: str
    photos: list[Path]
    old: Path  # a small and blurred photo

    @property
    def page(self) -> Any:
        return self.camera.page

    def open(self, path: str, seconds: float = 0.0) -> None:
        self.page.goto(path)
        self.camera.look(seconds)

    def at(self, selector: str) -> Any:
        return self.page.locator(selector).locator("visible=true").first

    def named(self, role: str, words: str, context: str = "") -> Any:
        found = self.page.get_by_role(role, name=said(words, context), exact=True)
        return found.locator("visible=true").first

    def tap(self, role: str, words: str, context: str = "") -> None:
        self.camera.tap(self.named(role, words, context))

    def wait(self, selector: str, count: int = 1) -> None:
        """Until it is there, with the pictures in sight; the clip goes on then."""
        self.page.locator(selector).nth(count - 1).wait_for(timeout=PATIENCE)
        self.page.evaluate(SEEN)


# ---------------------------------------------------------------- the clips, in the order of their making


def begin(scene: Scene) -> None:
    """A first picture, of the demonstration person, by somebody without an account."""
    scene.open("/", 1.0)
    scene.tap("link", "Try it without photos")
    scene.camera.write(scene.at("#id_email"), f"mia@{scene.language}.example")
    scene.camera.write(scene.at("#id_password1"), PASSWORD)
    scene.tap("button", "Sign up")
    scene.camera.look(0.5)
    scene.camera.tap(scene.at(".studio-examples a"))
    scene.camera.tap(scene.at("#create"))
    scene.wait(".result img", 2)
    scene.camera.show(scene.at(".result"), 2.0)
    scene.camera.clip("begin")


def train(scene: Scene) -> None:
    """A twin: its name, the consent, the photos, the training."""
    scene.open("/twins/new/")
    scene.camera.write(scene.at("#id_name"), "Mia")
    scene.tap("button", "Go on to the photos")
    scene.camera.tap(scene.at("[name=agreed]"), opens=False)
    scene.tap("button", "Agree and go on")
    scene.camera.tap(scene.page.get_by_text(said("Choose photos"), exact=True), click=False)
    scene.page.locator("#files").set_input_files(scene.photos)
    scene.camera.look(0.5)
    scene.wait("#photos .accepted", 10)
    scene.page.reload()
    scene.camera.picture("train-photos", scene.at("#photos"))
    scene.camera.show(scene.at("#photos .accepted >> nth=3"), 1.0)
    scene.camera.tap(scene.at("#state .btn.wide"))
    scene.wait(".train-screen progress")
    scene.camera.look(1.0)
    scene.camera.picture("train-wait", scene.at("#state"))
    scene.page.get_by_role("link", name=said("Make pictures")).first.wait_for(timeout=PATIENCE)
    scene.camera.show(scene.named("link", "Make pictures"), 1.0)
    scene.camera.clip("train")


def headshots(scene: Scene) -> None:
    scene.open("/studio/", 0.5)
    scene.tap("link", "Headshots")
    scene.camera.look(0.5)
    scene.camera.picture("headshots-packs", scene.at(".packs li"))
    scene.camera.tap(scene.at(".pack"))
    scene.camera.show(scene.at("#create"), 0.5)
    scene.camera.tap(scene.at("#create"))
    scene.wait("#jobs img", 8)
    scene.page.reload()
    scene.tap("button", "Keep the best")
    scene.camera.picture("headshots-sheet", scene.at("#jobs"))
    scene.camera.show(scene.at("#jobs"), 2.0)
    scene.camera.clip("headshots")


def restore(scene: Scene) -> None:
    scene.open("/studio/", 0.5)
    scene.tap("link", "Restorations")
    scene.camera.tap(scene.at("#image"), click=False)
    scene.page.locator("#image").set_input_files(scene.old)
    scene.camera.look(0.5)
    scene.camera.picture("restore-form", scene.at("#restore-form"))
    scene.camera.tap(scene.at("#restore-form .btn.big"))
    scene.wait("#history .pair img", 2)
    scene.camera.show(scene.at("#history .pair"), 0.5)
    scene.camera.tap(scene.at("#history .pair"))
    scene.wait("#compare img")
    scene.camera.show(scene.at("#compare"), 2.5)
    scene.camera.picture("restore-pair", scene.at("#compare"))
    scene.camera.clip("restore")


def share(scene: Scene) -> None:
    scene.open("/gallery/", 1.0)
    scene.camera.tap(scene.at("#rows a"))
    scene.camera.look(0.5)
    scene.tap("button", "Share", "verb")
    scene.tap("button", "Make the link")
    scene.camera.show(scene.at(".share-address"), 1.0)
    scene.camera.picture("share-link", scene.at(".share-links > li"))
    scene.camera.look(1.0)
    scene.camera.clip("share")


def delete(scene: Scene) -> None:
    scene.open("/gallery/", 0.5)
    scene.tap("link", "Account")
    scene.tap("link", "Erase the account")
    scene.camera.look(1.0)
    scene.camera.write(scene.at("#proof-erase"), PASSWORD)
    scene.camera.picture("delete-proof", scene.at("main .card"))
    scene.tap("button", "Erase everything")
    scene.camera.look(2.0)
    scene.camera.clip("delete")


CLIPS: tuple[Callable[[Scene], None], ...] = (begin, train, headshots, restore, share, delete)
SHOTS = (
    "train-photos",
    "train-wait",
    "headshots-packs",
    "headshots-sheet",
    "restore-form",
    "restore-pair",
    "share-link",
    "delete-proof",
)


# ---------------------------------------------------------------- how they are filmed


def cookie_of(user: Any, origin: str) -> dict[str, str]:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": origin}


def locale_of(language: str) -> str:
    return language.replace("hans", "CN")


@contextmanager
def chromium(playwright: Any, language: str) -> Iterator[Any]:
    """A browser whose own words, as on a button that chooses a file, are in this language."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    told = os.environ | {"LANGUAGE": locale_of(language).replace("-", "_")}
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], env=told)
    yield browser
    browser.close()


@contextmanager
def phone(browser: Any, origin: str, language: str, user: Any = None) -> Iterator[Any]:
    context = browser.new_context(**PHONE, base_url=origin, locale=locale_of(language))
    context.set_default_timeout(STEP)
    if user is not None:
        context.add_cookies([cookie_of(user, origin)])
    yield context.new_page()
    context.close()


def filmed(browser: Any, origin: str, language: str, photos: list[Path], old: Path) -> float:
    """All clips and pictures of a language. They replace those of before when all are made. Returns how long
    the longest clip is."""
    from django.utils.translation import override

    made = photos[0].parent / language
    made.mkdir()
    longest = 0.0
    user = person(f"mia.{language}", agreed=("terms",))
    user.language = language
    user.save()
    for make in CLIPS:
        with phone(browser, origin, language, None if make is begin else user) as page, override(language):
            camera = Camera(page, made)
            make(Scene(camera, language, photos, old))
            size = (made / f"{make.__name__}.mp4").stat().st_size
            print(f"{language:8} {make.__name__:10} {camera.lasted:5.1f} s {size / 1000:6.0f} KB", flush=True)
            longest = max(longest, camera.lasted)
    shutil.rmtree(FOLDER / language, ignore_errors=True)
    shutil.move(made, FOLDER / language)
    return longest


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="LANGUAGE", nargs="+", help="remake these languages")
    only = parser.parse_args().only
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    with house() as folder, product(port := free_port()):
        from django.conf import settings
        from playwright.sync_api import sync_playwright

        photos = drawn(folder / "people", PERSON)[:PHOTOS]
        old = soft(photos[0])
        with sync_playwright() as playwright:
            longest = 0.0
            for each in only or [code for code, _name in settings.LANGUAGES]:
                with chromium(playwright, each) as browser:
                    lasted = filmed(browser, f"http://127.0.0.1:{port}", each, photos, old)
                longest = max(longest, lasted)
    total = sum(file.stat().st_size for file in FOLDER.rglob("*.mp4"))
    print(f"all clips: {total / 1e6:.1f} MB")
    return int(total > MOST or longest > LONGEST)


if __name__ == "__main__":
    sys.exit(main())
