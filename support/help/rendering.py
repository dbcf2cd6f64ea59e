"""Markdown of articles as HTML. HTML in it is shown as text. Addresses outside are refused, and pictures that
were not made of the product itself (support/help/shown.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from support.help import shown
from support.help.facts import filled

PLACE = re.compile(r"\{(\w+)\}")  # {photos_least}: a figure of facts.py
ANCHOR = re.compile(r"\s*\{#([\w -]+)\}$")  # {#too_small}, or {#too_small other codes}: they lead there too
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


class BrokenArticle(Exception):
    """An article that cannot be shown. Tests read every article, so no reader meets it."""


@dataclass(frozen=True)
class Heading:
    anchor: str
    title: str
    codes: tuple[str, ...]  # error codes that lead here; the first is the anchor


@dataclass(frozen=True)
class Rendered:
    """`text`: what is read, without marks, for the search. `links`: (slug, anchor) of other articles.
    `shows`: the clips and pictures, as in "clip:train"."""

    html: SafeString
    headings: tuple[Heading, ...]
    text: str
    links: tuple[tuple[str, str], ...]
    shows: tuple[str, ...]


def render(source: str) -> Rendered:
    """In the active language. Raises BrokenArticle, NoReverseMatch, KeyError."""
    tokens = MARKDOWN.parse(PLACE.sub(lambda match: filled(match[1]), source))
    headings = tuple(_headings(tokens))
    links = tuple(link for token in _inline(tokens) for link in _link(token))
    text = "\n".join(each for each in map(_text, tokens) if each)
    shows = tuple(_show(tokens))
    html = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
    return Rendered(mark_safe(html), headings, text, links, shows)  # noqa: S308  markdown-it escaped it


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    """Takes the anchors out of the headings' words and makes them ids."""
    for begin, inline in zip(tokens, tokens[1:]):
        if begin.type != "heading_open":
            continue
        last = (inline.children or [Token("text", "", 0)])[-1]
        found = ANCHOR.search(last.content)
        if begin.tag not in ("h2", "h3") or not found:
            raise BrokenArticle(f"A heading is h2 or h3 and has an anchor: {inline.content}")
        last.content = ANCHOR.sub("", last.content)
        codes = tuple(found[1].split())
        begin.attrSet("id", codes[0])
        yield Heading(codes[0], _text(inline), codes)


def _inline(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from token.children or ()


def _link(token: Token) -> Iterator[tuple[str, str]]:
    """Makes the address of a link: `help:slug#anchor` of an article, `page:name#anchor` of a page."""
    if token.type != "link_open":
        return
    kind, _, rest = str(token.attrGet("href")).partition(":")
    name, _, anchor = rest.partition("#")
    if kind == "help":
        token.attrSet("href", _address("help_article", anchor, name))
        yield name, anchor
    elif kind == "page":
        token.attrSet("href", _address(name, anchor))
    else:
        raise BrokenArticle(f"Neither help: nor page: {token.attrGet('href')}")


def _show(tokens: list[Token]) -> Iterator[str]:
    """Makes figures of pictures, each of which is a paragraph by itself."""
    for begin, inline, end in zip(tokens, tokens[1:], tokens[2:]):
        images = [child for child in inline.children or () if child.type == "image"]
        if not images:
            continue
        if begin.type != "paragraph_open" or len(inline.children or ()) > 1:
            raise BrokenArticle(f"A picture is a paragraph by itself: {inline.content}")
        source = str(images[0].attrGet("src"))
        figure = Token("html_block", "", 0, content=shown.figure(source, words=images[0].content))
        inline.children, begin.hidden, end.hidden = [figure], True, True
        yield source


def _address(name: str, anchor: str, *args: Any) -> str:
    return reverse(name, args=args) + (f"#{anchor}" if anchor else "")


def _text(token: Token) -> str:
    if token.type in ("fence", "code_block"):
        return token.content.strip()
    parts = [" " if child.type == "softbreak" else child.content for child in token.children or ()]
    return "".join(parts).strip()
