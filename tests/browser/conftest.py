"""Chromium with a real web server, real workers, PostgreSQL and Redis."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.processes import wait_for
from tests.shared_worker import SharedWorkers
from tests.test_web import Web

# Playwright runs an event loop in this thread, and Django refuses database calls beside one.
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
PATIENCE = 180_000.0  # ms; only ends a test that hangs, as a busy machine needs far less
expect.set_options(timeout=PATIENCE)
SCREENS = Path(__file__).resolve().parents[2] / "out" / "screens"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # None means Playwright's own Chromium.
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Site:
    """The running product and its visitors. All tests of a file share it; each starts with empty tables."""

    def __init__(self, folder: Path, chromium: Browser, environment: dict[str, str]) -> None:
        self.folder, self.chromium, self.asked = folder, chromium, environment
        self.mails = folder / "mails"
        self.environment = environment | {"MAIL_FOLDER": str(self.mails)}
        self.workers = SharedWorkers(folder, **self.environment)
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []  # browser errors: failed scripts, violations of the policy
        self.start_web()

    def start_web(self, port: int = 0) -> None:
        self.web = Web(self.folder, port=port, **self.environment).wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    def visit(
        self,
        size: str = "desktop",
        theme: Any = "light",
        locale: str = "en",
        user: Any = None,
        browser: Browser | None = None,
        **more: Any,
    ) -> Page:
        """A page in a new browser context. `user` is logged in there. It has service workers where
        asked for."""
        context = (browser or self.chromium).new_context(
            **SIZES[size],
            color_scheme=theme,
            locale=locale,
            base_url=self.url,
            reduced_motion="reduce",
            **{"service_workers": "block"} | more,
        )
        self.contexts.append(context)
        if user is not None:
            from django.test import Client

            from tests.rights import prove

            client = Client()
            client.force_login(user)
            if user.is_staff:
                prove(client, user)
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}]
            )
        page = context.new_page()
        page.on(
            "console",
            lambda m: self.complaints.append(f"{m.text} {m.location}") if m.type == "error" else None,
        )
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.set_default_timeout(PATIENCE)
        return page

    def leave(self) -> None:
        """Cleans up after a test."""
        for context in self.contexts:
            context.close()
        self.workers.leave()
        self.contexts, self.complaints = [], []
        shutil.rmtree(self.mails, ignore_errors=True)

    def stop(self) -> None:
        self.workers.stop()
        self.web.stop()


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Settings of the site's processes: it sells, names its operator, takes proofs of age, and sends webhooks
    to this machine too. Test files may override this fixture; each that does starts a site of its own."""
    return {
        "STRIPE_SECRET_KEYS": "sk_test_nobody",
        "OPERATOR_NAME": "Example Pictures Ltd",
        "OPERATOR_ADDRESS": "1 Example Road, 12345 Example Town",
        "OPERATOR_EMAIL": "privacy@example.com",
        "ADULT_CONTENT": "true",
        "ADULT_COUNTRIES": "ES=España,MX=México",
        "WEBHOOK_PRIVATE": "1",
    }


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with settings of their own come last: all others share one site."""
    places = [i for i, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    own = sorted((items[i] for i in places), key=lambda item: hasattr(item.module, "environment"))  # type: ignore[attr-defined]
    for place, item in zip(places, own, strict=True):
        items[place] = item


OPEN: list[Site] = []  # none or one: the workers of two would take each other's tasks


def close_site() -> None:
    while OPEN:
        OPEN.pop().stop()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Closes the site behind the last test that opens a browser: its workers would take the tasks of tests
    that start workers of their own."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        close_site()


@pytest.fixture(scope="session")
def open_sites(django_db_setup: None) -> Iterator[list[Site]]:
    yield OPEN
    close_site()


@pytest.fixture(scope="module")
def open_site(
    open_sites: list[Site],
    tmp_path_factory: pytest.TempPathFactory,
    chromium: Browser,
    environment: dict[str, str],
) -> Site:
    """The site of the file before, if its settings are the same."""
    if not open_sites or open_sites[0].asked != environment:
        close_site()
        open_sites.append(Site(tmp_path_factory.mktemp("site"), chromium, environment))
    return open_sites[0]


@pytest.fixture
def site(open_site: Site) -> Iterator[Site]:
    yield open_site
    open_site.leave()


def until(page: Page, expression: str) -> None:
    """Replaces Playwright's wait_for_function, which uses eval in the page: our policy forbids that."""
    wait_for(lambda: page.evaluate(expression))


def shot(page: Page, name: str) -> None:
    """Saves a screenshot in out/screens, after the visible pictures have loaded: with --thorough, or where
    SHOTS is set."""
    if "SHOTS" not in os.environ:
        return
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.evaluate(
        """Promise.all([...document.images]
        .filter((i) => i.getBoundingClientRect().top < innerHeight)
        .map((i) => i.decode().catch(() => {})))"""
    )
    page.screenshot(path=SCREENS / f"{name}.png")
