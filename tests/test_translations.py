"""Every sentence for users is translated, and the compiled catalogues match their sources.

To update: `manage.py makemessages -l es -l zh_Hans --no-location --ignore tests --ignore bench --ignore ml`,
translate, then `manage.py compilemessages`. Both commands need Debian's package gettext.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_python
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {"tests", "bench", "ml", "var", "docker"}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
LANGUAGES = ("es", "zh_Hans")


def said() -> Iterator[str]:
    """Every sentence in the sources that is marked for translation."""
    for path in sorted(
        p for p in ROOT.glob("*/**/*") if p.suffix in (".py", ".html", ".txt") and p.is_file()
    ):
        if path.relative_to(ROOT).parts[0] in NOT_OURS or path.relative_to(ROOT).parts[0].startswith("."):
            continue
        text = path.read_text()
        if path.suffix != ".py":
            text = templatize(text)
        for _line, name, words, _notes in extract_python(io.BytesIO(text.encode()), KEYWORDS, [], {}):
            # pgettext takes the context before the sentence.
            first = words[name.startswith("pgettext")] if isinstance(words, tuple) else words
            if first:
                yield first


def catalogue(language: str, kind: str) -> Any:
    with (ROOT / f"locale/{language}/LC_MESSAGES/django.{kind}").open("rb") as f:
        return read_po(f, locale=language) if kind == "po" else read_mo(f)


def sentences(catalogue: Any) -> set[tuple[str, Any]]:
    return {
        (m.id, m.string) if isinstance(m.id, str) else (m.id[0], tuple(m.string)) for m in catalogue if m.id
    }


def test_the_languages_are_those_of_the_settings() -> None:
    assert {code for code, _name in settings.LANGUAGES} == {
        "en",
        *(c.lower().replace("_", "-") for c in LANGUAGES),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    assert {source for source, _text in sentences(catalogue(language, "po"))} == set(said())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_missing_guessed_or_has_other_places(language: str) -> None:
    for message in catalogue(language, "po"):
        if message.id:
            source = [message.id] if isinstance(message.id, str) else message.id
            texts = [message.string] if isinstance(message.string, str) else message.string
            assert not message.fuzzy
            assert all(texts), message.id
            places = {frozenset(PLACE.findall(t)) for t in texts}
            assert places <= {frozenset(PLACE.findall(s)) for s in source}, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_fresh(language: str) -> None:
    assert sentences(catalogue(language, "mo")) == sentences(catalogue(language, "po"))
