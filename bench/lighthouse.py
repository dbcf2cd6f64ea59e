"""Measures landing page, studio and gallery with Lighthouse: `python -m bench.lighthouse`.

Starts a temporary installation as `make run` does, and prints the four scores of each page, as a phone and
as a desktop, with what costs points. Runs Lighthouse by npx, which fetches it once (Node 18 or newer), with
Chromium. Each score is the best of ROUNDS, as other work of the machine only lowers it. Exits 1 below LEAST.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from bench.firstuse import product
from bench.house import house, person
from bench.load import free_port
from bench.machine import machine
from bench.pages import lived_in

LIGHTHOUSE = "lighthouse@12.8.2"
LEAST, ROUNDS, PICTURES = 95, 3, 300
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PAGES = {"landing": "/", "studio": "/studio/", "gallery": "/gallery/"}
PRESETS = {"phone": (), "desktop": ("--preset=desktop",)}
BROWSER = "--headless=new --no-sandbox"


def report(address: str, cookie: str, preset: str) -> dict[str, Any] | None:
    """Lighthouse's report of a page; a cookie makes it that of somebody who is logged in. None where the
    browser recorded nothing, which happens now and then."""
    command = ["npx", "--yes", LIGHTHOUSE, address, "--output=json", "--quiet", *PRESETS[preset]]
    command += [f"--chrome-flags={BROWSER}", f"--only-categories={','.join(CATEGORIES)}"]
    if cookie:
        command.append("--extra-headers=" + json.dumps({"Cookie": f"sessionid={cookie}"}))
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    environment = os.environ | ({"CHROME_PATH": path} if path else {})
    made = subprocess.run(command, env=environment, stdout=subprocess.PIPE)
    return json.loads(made.stdout) if made.returncode == 0 else None


def scores(found: dict[str, Any]) -> dict[str, int]:
    return {name: round(100 * (found["categories"][name]["score"] or 0)) for name in CATEGORIES}


def costs(found: dict[str, Any]) -> list[str]:
    """The audits that cost points, with the elements that they name."""
    audits = found["audits"]
    named = [
        (name, audits[each["id"]])
        for name in CATEGORIES
        for each in found["categories"][name]["auditRefs"]
        if each["weight"]
    ]
    return [
        f"{name}: {audit['title']} ({audit['score']:.2f}) {shown(audit)}".strip()
        for name, audit in named
        if audit["score"] is not None and audit["score"] < 1
    ]


def shown(audit: dict[str, Any]) -> str:
    items = (audit.get("details") or {}).get("items") or []
    return audit.get("displayValue") or ", ".join(filter(None, map(place, items[:3])))


def place(item: dict[str, Any]) -> str:
    """The element, or the address, that an audit complains of."""
    found = item.get("node", {}).get("snippet") or item.get("sourceLocation", {}).get("url")
    return str(found or item.get("description") or "")[:120]


def measured(name: str, address: str, cookie: str, preset: str) -> bool:
    """Prints a page's scores; whether all are high enough."""
    found = [made for _ in range(ROUNDS) if (made := report(address, cookie, preset))]
    best = {key: max(scores(each)[key] for each in found) for key in CATEGORIES}
    print(f"{name:8} {preset:8}" + "".join(f"  {key} {score}" for key, score in best.items()), flush=True)
    for cost in costs(max(found, key=lambda each: sum(scores(each).values()))):
        print(f"    {cost}", flush=True)
    return min(best.values()) >= LEAST


def main() -> int:
    with house():
        cookie = lived_in(person("alice"), PICTURES)
        with product(port := free_port()):
            print(machine())
            fine = [
                measured(name, f"http://127.0.0.1:{port}{path}", "" if name == "landing" else cookie, preset)
                for name, path in PAGES.items()
                for preset in PRESETS
            ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
