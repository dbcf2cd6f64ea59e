"""The spelling of what people read, in English and Spanish: the pages' texts and the help articles.

Chinese has no dictionary of this kind: there it is slips of an input method, signs that are not simplified
and words twice. tests/test_translations.py and tests/support/test_help.py look at its punctuation and its
words for "you". Words that are ours or the trade's are in tests/data/spelling.txt.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = {"en": "es", "es": "es", "zh-hans": "zh_Hans"}  # the English sentences are the ids of any
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
HAN = re.compile(r"[\u3400-\u9fff]")
TWICE = re.compile(r"([的了是在和请把被这那与或对都还就能会要不我你它])\1")


def texts(lang: str) -> Iterator[str]:
    for path in sorted((ROOT / "support" / "help" / "articles" / lang).glob("*.md")):
        yield path.read_text()
    with (ROOT / "locale" / CATALOGUES[lang] / "LC_MESSAGES" / "django.po").open("rb") as file:
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


def slips(text: str) -> list[str]:
    """Signs of a Chinese text that GB 2312 lacks, as traditional ones, and words that stand there twice."""
    return [sign for sign in HAN.findall(text) if not _is_simplified(sign)] + TWICE.findall(text)


def _is_simplified(sign: str) -> bool:
    try:
        return bool(sign.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def test_chinese_has_simplified_signs_and_no_word_twice() -> None:
    assert [text for text in texts("zh-hans") if slips(text)] == []
    assert (slips("照片被拒絕"), slips("你的的照片")) == (["絕"], ["的"])
