"""The clips and pictures of the help centre: they are all there, small, and made of pages that still exist.

`python -m bench.tutorials` remakes them. It is not run here: it trains a twin in each language.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import resolve

from bench import film, tutorials
from ml.clips import boxes, decode
from support.help import library
from tests.test_translations import ROOT, said

LANGUAGES = [code for code, _name in settings.LANGUAGES]
CLIPS = [make.__name__ for make in tutorials.CLIPS]


@cache
def calls() -> tuple[tuple[str, Any], ...]:
    """(name of a method, its words) in the script's walks."""
    nodes = ast.walk(ast.parse((ROOT / "bench" / "tutorials.py").read_text()))
    found = (
        node
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    )
    return tuple(
        (getattr(node.func, "attr", "") or getattr(node.func, "id", ""), words)
        for node in found
        if (words := [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)])
    )


def words_of(*methods: str) -> list[list[str]]:
    found = [words for name, words in calls() if name in methods]
    assert found
    return found


def test_what_articles_show_is_there_and_nothing_else_is() -> None:
    shown = {show for article in library.library()["en"].values() for show in article.shows}
    assert shown == {f"clip:{name}" for name in CLIPS} | {f"shot:{name}" for name in tutorials.SHOTS}
    files = {f"{name}.mp4" for name in CLIPS} | {f"{name}.webp" for name in (*CLIPS, *tutorials.SHOTS)}
    filmed = {folder.name for folder in tutorials.FOLDER.iterdir()}
    assert {settings.LANGUAGE_CODE} <= filmed <= set(LANGUAGES)
    for code in filmed:  # what is missing in a language is shown in English
        there = {path.name for path in (tutorials.FOLDER / code).iterdir()}
        assert there == files or (code != settings.LANGUAGE_CODE and there < files)


def test_clips_are_short_small_and_silent() -> None:
    clips = sorted(tutorials.FOLDER.rglob("*.mp4"))
    assert sum(clip.stat().st_size for clip in clips) <= tutorials.MOST
    for clip in clips:
        data = clip.read_bytes()
        assert [name for name, _start, _end in boxes(data)][:2] == [b"ftyp", b"moov"]  # plays while it loads
        assert data.count(b"mdhd") == 1  # one track, the picture's
        assert 5 <= sum(1 for _frame in decode(data)) / film.FPS <= tutorials.LONGEST


def test_the_pages_and_buttons_of_the_script_still_exist() -> None:
    for words in words_of("open"):
        assert resolve(words[0])
    labels = [words[1] for words in words_of("tap", "named")] + [words[0] for words in words_of("said")]
    assert [label for label in labels if label not in said()] == []


def test_the_places_of_the_script_still_exist() -> None:
    """The names of classes, ids and fields stand in some template, form or script."""
    parts = {
        part
        for words in words_of("at", "wait", "locator")
        for part in re.findall(r"[.#]([a-z][\w-]*)|name=(\w+)", words[0])
        for part in part
        if part and not part.startswith("id_")  # a form's field
    }
    text = "\n".join(
        path.read_text() for path in (*ROOT.glob("templates/**/*.html"), *ROOT.glob("static/*.js"))
    )
    assert [part for part in sorted(parts) if not re.search(rf"\b{re.escape(part)}\b", text)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_clip_waits_for_its_reader_and_says_what_it_shows(client: Client, code: str) -> None:
    page = client.get("/help/first-picture/", headers={"Accept-Language": code}).text
    clip = re.search(r"<figure class=\"help-clip\"><video (.*?)>.*?</figure>", page)
    assert clip
    clip_at, picture_at = at(code, "begin.mp4"), at(code, "train-photos.webp")
    assert f'src="{clip_at}"' in clip[1]
    assert 'preload="none"' in clip[1]
    assert "autoplay" not in clip[1]
    assert 'aria-label="' in clip[1]
    assert f'<img src="{picture_at}" width="360"' in page
    assert client.get(clip_at, headers={"Range": "bytes=0-9"}).status_code == 206


def at(code: str, name: str) -> str:
    """The address of a file, which is the English one where a language lacks it."""
    there = code if (tutorials.FOLDER / code / name).exists() else settings.LANGUAGE_CODE
    return f"/static/help/{there}/{name}"
