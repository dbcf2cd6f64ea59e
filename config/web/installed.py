"""The installed web app: its manifest, its service worker, and the page that it shows without a connection.

The worker's version is a hash of all that it keeps, in the language and theme of who asks: a browser that
finds other bytes at /sw.js installs the new worker, which throws the old one's files away.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_GET

from config.web.caching import FORGET

SCOPE = "/"
# What the page without a connection needs. No page, picture or answer of the API is ever kept.
KEPT = ("tokens.css", "page.css", "offline.css", "offline.js", "outbox.js", "icon.svg")
COLOUR, BACKGROUND = "#a8380f", "#faf8f5"  # --primary and --surface of tokens.css, in the light theme
ICONS = (
    ("icons/192.png", 192, "any"),
    ("icons/512.png", 512, "any"),
    ("icons/maskable.png", 512, "maskable"),
)


@require_GET
def manifest(request: HttpRequest, language: str) -> HttpResponse:
    """Its address names the language, as browsers ask for it without cookies."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with override(language):
        said = _manifest(language)
    return JsonResponse(said, content_type="application/manifest+json")


def _manifest(language: str) -> dict[str, Any]:
    return {
        "id": SCOPE,  # the same in every language: it stays one app
        "scope": SCOPE,
        "start_url": reverse("studio"),
        "name": _("PhotoFlux: pictures of you"),
        "short_name": "PhotoFlux",
        "description": _("Train a private twin on your photos, and make pictures of yourself."),
        "lang": language,
        "dir": "ltr",
        "display": "standalone",
        "theme_color": COLOUR,
        "background_color": BACKGROUND,
        "categories": ["photo"],
        "icons": [
            {"src": static(name), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
            for name, side, purpose in ICONS
        ],
        "shortcuts": [
            _shortcut(_("Make pictures"), "studio"),
            _shortcut(_("Twins"), "twins"),
            _shortcut(_("Gallery"), "gallery"),
        ],
    }


def _shortcut(name: str, view: str) -> dict[str, Any]:
    icon, side, _purpose = ICONS[0]
    return {
        "name": name,
        "url": reverse(view),
        "icons": [{"src": static(icon), "sizes": f"{side}x{side}", "type": "image/png"}],
    }


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """Says nothing about anybody: the worker keeps it."""
    return render(request, "offline.html")


@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, so that it speaks for the whole site. Browsers ask for it anew at each visit."""
    page = render(request, "offline.html").content
    shell = {
        "version": hashlib.sha256(page + _kept()).hexdigest()[:16],
        "offline": reverse("offline"),
        "files": [static(name) for name in KEPT],
    }
    text = f"const SHELL = {json.dumps(shell)};\n".encode() + _file("sw.js")
    headers = {"Service-Worker-Allowed": SCOPE, "Cache-Control": FORGET}
    return HttpResponse(text, content_type="text/javascript", headers=headers)


@functools.cache
def _kept() -> bytes:
    return b"".join(hashlib.sha256(_file(name)).digest() for name in KEPT)


def _file(name: str) -> bytes:
    return Path(str(finders.find(name) or settings.STATIC_ROOT / name)).read_bytes()
