"""Anybody checks a file: chosen, dropped, pasted, and without JavaScript."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.watermark import draw_portrait
from ml import media, provenance, watermark
from tests.browser.conftest import Site, shot
from tests.browser.test_look import looked_over

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
# Puts a PNG into the page as a drop or a paste does.
GIVE = """([kind, text]) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "p.png", { type: "image/png" }));
  const names = kind === "drop" ? { dataTransfer: data } : { clipboardData: data };
  const event = kind === "drop" ? new DragEvent("drop", { ...names, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { ...names, bubbles: true });
  (kind === "drop" ? document.getElementById("verify-drop") : document.body).dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def marked() -> bytes:
    """A picture with our mark, whose signature is gone."""
    return media.encode_png(watermark.embed(draw_portrait(1, 512, 512), 77))


def choose(page: Page, data: bytes, name: str = "portrait.png") -> None:
    page.get_by_label("A picture or a clip").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )


@pytest.mark.parametrize(
    "size, theme", [("phone", "light"), pytest.param("desktop", "dark", marks=pytest.mark.thorough)]
)
def test_a_file_is_chosen_and_checked(site: Site, marked: bytes, size: str, theme: str) -> None:
    page = site.visit(size, theme)
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="Check a file").click()
    shot(page, f"verify-empty-{size}-{theme}")
    choose(page, marked)
    expect(page.locator("#verify-preview")).to_be_visible()
    page.get_by_role("button", name="Check this file").click()
    expect(page.get_by_role("heading", name="The invisible mark says")).to_be_visible()
    shot(page, f"verify-{size}-{theme}")
    assert looked_over(page) == []
    choose(page, b"%PDF-1.7", "paper.pdf")
    page.get_by_role("button", name="Check this file").click()
    expect(page.get_by_text("This is no picture and no clip that can be checked.")).to_be_visible()
    shot(page, f"verify-pdf-{size}-{theme}")
    assert site.complaints == []


@pytest.mark.thorough  # by default tests/test_verify.py
def test_a_delivered_file_shows_all_that_is_known(site: Site, marked: bytes, settings: Any) -> None:
    signer = provenance.Signer.open(settings.KEYS / "provenance")
    page = site.visit("desktop")
    page.goto("/verify/")
    choose(page, signer.sign(marked, "image/png", engine="nano", ident=77, created=MADE))
    page.get_by_role("button", name="Check this file").click()
    expect(page.get_by_text("our built-in preview engine, nano")).to_be_visible()
    shot(page, "verify-ours")


@pytest.mark.parametrize("kind", ["drop", "paste"])
@pytest.mark.thorough  # by default a file is chosen, above
def test_a_file_is_dropped_or_pasted(site: Site, marked: bytes, kind: str) -> None:
    page = site.visit()
    page.goto("/verify/")
    page.evaluate(GIVE, [kind, base64.b64encode(marked).decode()])
    expect(page.get_by_role("heading", name="The invisible mark says")).to_be_visible()
    assert site.complaints == []


def test_a_file_that_is_too_large_is_told_before_it_is_sent(site: Site, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(b"x" * 30 * 2**20)
    page = site.visit()
    page.goto("/verify/")
    page.set_input_files("#file", large)
    message = page.locator("#file").evaluate("e => e.validationMessage")
    assert message == "This file is too large. At most 25 MB can be sent."


@pytest.mark.thorough
def test_it_works_without_javascript(site: Site, marked: bytes) -> None:
    page = site.visit("phone", java_script_enabled=False)
    page.goto("/verify/")
    choose(page, marked)
    page.get_by_role("button", name="Check this file").click()
    expect(page.get_by_role("heading", name="The invisible mark says")).to_be_visible()
    choose(page, b"x" * 30 * 2**20)
    page.get_by_role("button", name="Check this file").click()
    expect(page.get_by_role("heading", name="This file is too large.")).to_be_visible()
