"""The articles: `articles/LANGUAGE/SLUG.md`, read once a process.

A file begins with its title, summary, section and order, and perhaps a group of error codes that its headings
explain. Pages need no query for them: thirty articles in three languages take less memory than one photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from config.errors import NotFound
from support.help.rendering import BrokenArticle, Heading, render

ROOT = Path(__file__).resolve().parent / "articles"
SECTIONS: dict[str, Any] = {
    "begin": _("First steps"),
    "twins": _("Photos and twins"),
    "pictures": _("Making and keeping pictures"),
    "sharing": _("Sharing, reports and use"),
    "money": _("Credits and payments"),
    "privacy": _("Your data"),
    "account": _("Account and programs"),
}
NEEDED, FREE = {"title", "summary", "section", "order"}, {"codes"}


@dataclass(frozen=True)
class Article:
    """`group`: whose error codes its headings explain, such as "photos"; "" for most."""

    slug: str
    language: str
    title: str
    summary: str
    section: str
    order: int
    group: str
    html: SafeString
    headings: tuple[Heading, ...]
    text: str
    links: tuple[tuple[str, str], ...]
    shows: tuple[str, ...]

    @property
    def address(self) -> str:
        return reverse("help_article", args=[self.slug])


Library = dict[str, dict[str, Article]]  # language -> slug -> article, in the order of the pages


def read(root: Path) -> Library:
    return {
        code: {a.slug: a for a in sorted(_of(root / code), key=_place)} for code, _name in settings.LANGUAGES
    }


@cache
def library() -> Library:
    return read(ROOT)


def _of(folder: Path) -> Iterator[Article]:
    with override(folder.name):
        for file in sorted(folder.glob("*.md")):
            try:
                yield _article(file)
            except Exception as error:
                raise BrokenArticle(f"{folder.name}/{file.name}: {error}") from error


def _article(file: Path) -> Article:
    _nothing, head, body = file.read_text().split("---\n", 2)
    facts = {name: value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    if not NEEDED <= set(facts) <= NEEDED | FREE or facts["section"] not in SECTIONS:
        raise BrokenArticle("its head is not complete")
    made = render(body)
    return Article(
        slug=file.stem,
        language=file.parent.name,
        title=facts["title"],
        summary=facts["summary"],
        section=facts["section"],
        order=int(facts["order"]),
        group=facts.get("codes", ""),
        html=made.html,
        headings=made.headings,
        text=made.text,
        links=made.links,
        shows=made.shows,
    )


def _place(article: Article) -> tuple[int, int, str]:
    return list(SECTIONS).index(article.section), article.order, article.slug


def articles(language: str) -> list[Article]:
    """All of them, in this language; in English those that it lacks."""
    shelf = library()
    english = shelf[settings.LANGUAGE_CODE]
    return [shelf.get(language, english).get(slug, article) for slug, article in english.items()]


def article(slug: str, language: str) -> Article:
    """In this language, or else in English. Raises NotFound."""
    for code in (language, settings.LANGUAGE_CODE):
        if found := library().get(code, {}).get(slug):
            return found
    raise NotFound


def sections(language: str) -> list[tuple[Any, list[Article]]]:
    """(name, its articles), in the order of the pages."""
    known = articles(language)
    return [(name, [a for a in known if a.section == code]) for code, name in SECTIONS.items()]


def address_of(group: str, code: str = "") -> str:
    """Where this error code is explained, "" if nowhere; without a code the group's article."""
    for each in library()[settings.LANGUAGE_CODE].values():
        if each.group == group and not code:
            return each.address
        for heading in each.headings:
            if each.group == group and code in heading.codes:
                return f"{each.address}#{heading.anchor}"
    return ""
