"""A real Chromium before a real web server, real workers, PostgreSQL and Redis."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.processes import Workers, wait_for
from tests.test_web import Web

# Playwright's loop runs in this thread, where Django would refuse to speak to the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
SIZES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    },
    "desktop": {"viewport": {"width": 1440, "height": 900}},
}
SCREENS = Path(__file__).resolve().parents[2] / "out" / "screens"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")  # else playwright's own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Site:
    """The product as it runs, and who looks at it."""

    def __init__(self, folder: Path, chromium: Browser, workers: Workers) -> None:
        self.folder, self.chromium, self.workers = folder, chromium, workers
        self.mails = folder / "mails"
        os.environ["MAIL_FOLDER"] = str(self.mails)  # of the processes started from here on
        self.web = Web(folder).wait()
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []  # of the browser: scripts that failed, what the policy refused

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    def visit(
        self, size: str = "desktop", theme: Any = "light", locale: str = "en", user: Any = None, **more: Any
    ) -> Page:
        """A new visitor's page; of `user`, logged in."""
        context = self.chromium.new_context(
            **SIZES[size],
            color_scheme=theme,
            locale=locale,
            base_url=self.url,
            reduced_motion="reduce",
            **more,
        )
        self.contexts.append(context)
        if user is not None:
            from django.test import Client

            client = Client()
            client.force_login(user)
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}]
            )
        page = context.new_page()
        page.on(
            "console",
            lambda m: self.complaints.append(f"{m.text} {m.location}") if m.type == "error" else None,
        )
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.set_default_timeout(15_000)
        return page

    def stop(self) -> None:
        for context in self.contexts:
            context.close()
        self.web.stop()
        del os.environ["MAIL_FOLDER"]


@pytest.fixture
def site(tmp_path: Path, chromium: Browser, workers: Workers) -> Iterator[Site]:
    made = Site(tmp_path, chromium, workers)
    yield made
    made.stop()


def until(page: Page, expression: str) -> None:
    """Playwright's own wait_for_function looks again by an eval in the page, which our policy forbids."""
    wait_for(lambda: page.evaluate(expression))


def shot(page: Page, name: str) -> None:
    """Kept in out/screens, once the pictures that are in sight are there."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.evaluate(
        "Promise.all([...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight).map((i) => i.decode().catch(() => {})))"
    )
    page.screenshot(path=SCREENS / f"{name}.png")
