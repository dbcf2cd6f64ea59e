"""The spelling of what people read, in English and Spanish: the pages' texts and the help articles.

Chinese has no dictionary of this kind; tests/test_translations.py and tests/support/test_help.py look at its
punctuation and its words for "you". Words that are ours or the trade's are in tests/data/spelling.txt.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"
KNOWN = set((ROOT / "tests" / "data" / "spelling.txt").read_text().lower().split())
# No prose: front matter, code, addresses, tags, anchors, placeholders, names with _ or a dot in them.
NO_PROSE = re.compile(
    r"\A---.*?\n---|```.*?```|`[^`]*`|\]\([^)]*\)|\{[^}]*\}|https?://\S+|<[^>]+>|%\([a-z_]+\)[sd]|%[sd]|&\w+;"
    r"|\S+@\S+|\S*_\S*|\S*\.\w\S*",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# An imperative with its pronouns ("elígela"), which the Spanish dictionary lacks.
WITH_PRONOUN = re.compile(r"\w+(l[aeo]s?|me|te|nos)")


def texts(lang: str) -> Iterator[str]:
    for path in sorted((ROOT / "support" / "help" / "articles" / lang).glob("*.md")):
        yield path.read_text()
    with CATALOGUE.open("rb") as file:
        for message in read_po(file):
            said = message.id if lang == "en" else message.string
            if message.id:  # else the catalogue's header
                yield from filter(None, [said] if isinstance(said, str) else said)


def unknown(texts: Iterator[str], dictionary: str) -> set[str]:
    words = {word.replace("’", "'") for text in texts for word in WORD.findall(NO_PROSE.sub(" ", text))}
    asked = "\n".join(sorted(words))
    found = subprocess.run(
        ["hunspell", "-d", dictionary, "-l", "-i", "utf-8"], input=asked, capture_output=True, text=True
    )
    assert not found.returncode, found.stderr
    return {word for word in found.stdout.split() if word.lower() not in KNOWN}


@pytest.mark.thorough
@pytest.mark.parametrize("lang, dictionary", [("en", "en_GB"), ("es", "es_ES")])
def test_nothing_is_misspelt(lang: str, dictionary: str) -> None:
    found = unknown(texts(lang), dictionary)
    assert {word for word in found if lang == "en" or not WITH_PRONOUN.fullmatch(word.lower())} == set()


@pytest.mark.thorough
def test_a_slip_is_found() -> None:
    assert unknown(iter(["Train your twinn, see `notaword` and https://exmple.org"]), "en_GB") == {"twinn"}
