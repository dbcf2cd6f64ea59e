"""Measures the size and the speed of pages: `python -m bench.pages`.

For landing page, studio and a gallery of 10,000 pictures: median server time and transferred bytes (without
pictures). Then in Chromium as a phone with a quarter of the speed, 1.6 Mbit/s and 150 ms latency: largest
contentful paint, layout shift, DOM nodes after scrolling, and the slowest of some interactions. Exits 1 above
100 ms, 100 KB (landing), 2.5 s, 0.1, 500 nodes or 200 ms.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from typing import Any
from urllib.request import Request, urlopen

from bench.gallery import fill
from bench.house import ROOT, house, person
from bench.load import free_port, wait_for
from bench.machine import machine
from config.start import processes

PICTURES, ROUNDS = 10_000, 30
SLOWER = 4  # times
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
MOST = {"server ms": 100, "KB": 100, "paint s": 2.5, "shift": 0.1, "nodes": 500, "interaction ms": 200}
WATCH = """
window.seen = {paint: 0, shift: 0, slow: 0};
const observe = (options, note) =>
  new PerformanceObserver((l) => l.getEntries().forEach(note)).observe({buffered: true, ...options});
observe({type: "largest-contentful-paint"}, (e) => { seen.paint = e.startTime; });
observe({type: "layout-shift"}, (e) => { if (!e.hadRecentInput) seen.shift += e.value; });
observe({type: "event", durationThreshold: 16}, (e) => {
  if (e.interactionId) seen.slow = Math.max(seen.slow, e.duration);
});
"""


def lived_in(user: Any, pictures: int = PICTURES) -> str:
    """A gallery with a thumbnail under each picture, some jobs; the session's cookie."""
    from django.conf import settings
    from django.test import Client

    from accounts.vault.vault import store
    from gallery.models import Item
    from gallery.services import THUMBNAIL
    from ml import media
    from ml.drawn.people import Scene, random_person
    from ml.drawn.portraits import draw
    from twins.models import Twin

    import numpy as np  # isort: skip

    fill(user, Twin.objects.create(user=user, name="Me"), 0, pictures)
    files, rng = store(user.id), np.random.default_rng(0)
    some = [
        media.thumbnail(media.encode_png(draw(random_person(rng), Scene(), 512, 512)), THUMBNAIL, "WEBP")
        for _ in range(8)
    ]
    for i, item in enumerate(Item.objects.filter(user=user).only("id")):
        files.write(item.thumbnail, some[i % len(some)])
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def server_time(address: str, cookie: str) -> float:
    """Median milliseconds from request to the last byte."""
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        urlopen(Request(address, headers={"Cookie": f"sessionid={cookie}", "Accept-Encoding": "gzip"})).read()
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


def look(browser: Any, origin: str, path: str, cookie: str) -> dict[str, float]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    if cookie:
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": origin}])
    page, weights, kinds = context.new_page(), {}, {}
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", NETWORK)
    line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    line.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
    line.on("Network.loadingFinished", lambda e: weights.update({e["requestId"]: e["encodedDataLength"]}))
    page.add_init_script(WATCH)
    page.goto(origin + path, wait_until="load")
    page.wait_for_timeout(2500)
    found = {"KB": sum(size for ident, size in weights.items() if kinds.get(ident) != "Image") / 1000}
    found |= {"paint s": page.evaluate("seen.paint") / 1000}
    nodes = [page.evaluate("document.querySelectorAll('*').length")]
    for _ in range(30 if "gallery" in path else 3):
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(120)
        nodes.append(page.evaluate("document.querySelectorAll('*').length"))
    for box in page.locator(".mark").all()[:4]:
        box.click(force=True)
    page.wait_for_timeout(600)
    found |= {
        "shift": page.evaluate("seen.shift"),
        "nodes": max(nodes),
        "interaction ms": page.evaluate("seen.slow"),
    }
    context.close()
    return found


def main() -> int:
    with house():
        cookie = lived_in(person("alice"))
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        quiet = subprocess.DEVNULL
        web = subprocess.Popen(processes.web("127.0.0.1", port).argv, cwd=ROOT, stdout=quiet, stderr=quiet)
        try:
            wait_for(f"{origin}/healthz")
            return report(origin, cookie)
        finally:
            web.terminate()
            web.wait()


def report(origin: str, cookie: str) -> int:
    from playwright.sync_api import sync_playwright

    print(machine())
    failed = False
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, address, who in (
            ("landing", "/", ""),
            ("studio", "/studio/", cookie),
            ("gallery", "/gallery/", cookie),
        ):
            found = {"server ms": server_time(origin + address, who)} | look(browser, origin, address, who)
            over = [k for k, v in found.items() if v > MOST[k] and not (k == "KB" and name != "landing")]
            print(
                f"{name:8}"
                + "".join(f"  {k} {v:.3g}" for k, v in found.items())
                + (f"  ABOVE: {', '.join(over)}" if over else "")
            )
            failed = failed or bool(over)
        browser.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
