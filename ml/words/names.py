"""Finds full names: a given name and a surname beside each other. A twin's prompt needs nobody else's.

Who is well known is in people.txt; this rule finds the others by the shape of a name. Given names alone pass.
Names that are also words, places or garments (rose, virginia, stone) count only beside an unmistakable one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from ml.words import chinese_names, spelling
from ml.words.lexicon import LISTS, read_sets, read_terms

TOKEN = re.compile(r"[^\W\d_]+(?:['’`´][^\W\d_]+)*|\d+|[^\w\s]|[\n_]")
OWNS = re.compile(r"['’`´]s?$")
LONGEST = 5  # words between the given name and the surname's end: juan carlos de la torre
TITLE_CASE = 0.7  # of a prompt's longer words, from here on capital letters say nothing
SYLLABLE = (
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|ei|ui|ao|ou"
    "|iu|ie|ue|an|en|in|un|ia|ua|uo|a|e|i|o|u))"
)
PINYIN = re.compile(rf"{SYLLABLE}'?{SYLLABLE}")
PINYIN_SURNAMES = frozenset(
    "wang zhang liu chen yang zhao huang zhou wu xu sun zhu gao guo luo liang zheng xie tang feng deng cao peng "
    "zeng xiao cai pan yuan dong jiang xue lei hou meng xiong qin shen zhong kang mao qiu shao qian wei lai".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    raw: str
    word: str  # folded, without signs; "" for punctuation
    touches: bool  # whether only a space or hyphen is before it
    owns: bool  # Martha's

    @property
    def capital(self) -> bool:
        return self.raw[0].isupper() and not (len(self.raw) > 2 and self.raw.isupper())


@cache
def words_of(name: str) -> frozenset[str]:
    """The words of lists/NAME.txt, which are separated by blanks."""
    text = (LISTS / f"{name}.txt").read_text("utf-8")
    return frozenset(" ".join(re.sub(r"(?m)^#.*$", "", text).split("\n")).split())


@cache
def around() -> dict[str, frozenset[str]]:
    return {name: frozenset(map(plain, words)) for name, words in read_sets("names").items()}


@cache
def allowed() -> frozenset[str]:
    return frozenset(plain(term) for term in read_terms("names_allowed"))


def plain(text: str) -> str:
    """Lower case without accents, ñ as n."""
    return spelling.fold(text).replace("ñ", "n")


def find(text: str) -> str:
    """The first full name of a text, or ""."""
    text = unicodedata.normalize("NFKC", text)
    if re.search(f"[{spelling.CJK}]", text) and (found := chinese_names.find(spelling.fold(text))):
        return found
    tokens = list(read(text))
    return Names(tokens, capitals_count(tokens)).find() if len(tokens) > 1 else ""


def read(text: str) -> list[Token]:
    found: list[Token] = []
    for match in TOKEN.finditer(text):
        raw = match[0]
        before = found[-1] if found else None
        if raw in ("-", "‐", "‑") or (raw == "." and before and len(before.word) == 1):
            continue
        word = word_of(raw) if raw[0].isalpha() else ""
        found.append(Token(raw, word, before is not None and bool(before.word), bool(OWNS.search(raw))))
    return found


@lru_cache(maxsize=20_000)
def word_of(raw: str) -> str:
    return plain(re.sub(r"['’`´]", "", OWNS.sub("", raw)))


def capitals_count(tokens: list[Token]) -> bool:
    """False for Prompts In Title Case and where there are no small letters."""
    longer = [one for one in tokens if len(one.word) > 3]
    return len(longer) < 4 or sum(one.capital for one in longer) < TITLE_CASE * len(longer)


@dataclass(frozen=True)
class Names:
    tokens: list[Token]
    capitals: bool  # whether a capital letter says that a word is a name

    def find(self) -> str:
        for at in range(len(self.tokens) - 1):
            for end in self._ends(at):
                if self._is_name(at, end) and not self._excused(at, self._last(end)):
                    return " ".join(one.word for one in self.tokens[at : end + 1])
        return ""

    def _ends(self, at: int) -> list[int]:
        """Where the surname of a name from `at` on may be: after given names, initials and particles."""
        first = self.tokens[at]
        if first.owns or not (is_given(first.word) or is_weak(first.word)):
            return self._chinese(at)
        ends = []
        for end in range(at + 1, min(len(self.tokens), at + LONGEST)):
            one, before = self.tokens[end], self.tokens[end - 1]
            if not one.touches or not one.word or before.owns:
                break
            if one.word in around()["particles"] or (one.word in around()["articles"] and before.word == "de"):
                continue
            if len(one.word) > 1:
                ends.append(end)
                if not is_given(one.word):
                    break
        return ends

    def _chinese(self, at: int) -> list[int]:
        """zhou dongyu: a surname before a given name of two syllables."""
        given = self.tokens[at + 1]
        if not given.touches or self.tokens[at].word not in PINYIN_SURNAMES or len(given.word) < 5:
            return []
        return [at + 1] if PINYIN.fullmatch(given.word) and given.word not in weak_surnames() else []

    def _is_name(self, at: int, end: int) -> bool:
        first, last = self.tokens[at].word, self.tokens[end].word
        if first in PINYIN_SURNAMES and not is_given(first):
            return end == at + 1
        sure = is_given(first)
        if last in words_of("names_surnames"):
            return sure or end == at + 1 or len(self.tokens[at + 1].word) == 1
        if last in around()["no surname"] or last in around()["after"]:
            return False
        if self.capitals and self.tokens[at].capital and self.tokens[end].capital:
            if not sure:
                return last in around()["trades"]
            return len(last) > 2 and not is_given(last) and not is_weak(last)
        return sure and last in weak_surnames() and self._open_after(end)

    def _open_after(self, end: int) -> bool:
        """Whether a surname that is also a word ends here: not in emma stone wall."""
        after = self.tokens[end + 1] if end + 1 < len(self.tokens) else None
        return after is None or not after.word or after.word in around()["open"]

    def _last(self, end: int) -> int:
        """The end of a name with two surnames."""
        after = self.tokens[end + 1] if end + 1 < len(self.tokens) else None
        two = after and after.touches and after.word in words_of("names_surnames") | weak_surnames()
        return end + 1 if two else end

    def _excused(self, at: int, end: int) -> bool:
        """Whether a name is that of a place, a brand, a figure or a style."""
        words = [one.word for one in self.tokens]
        if at and words[at - 1] in around()["before"]:
            return True
        if end + 1 < len(words) and words[end + 1] in around()["after"]:
            return True
        if not around()["costume"].isdisjoint(words[end + 1 : end + 3]):
            return True
        back = at - 1
        while back >= 0 and words[back] in around()["of"] and at - back < 5:
            back -= 1
        if back >= 0 and words[back] in around()["style"]:
            return True
        spans = ((a, b) for a in range(max(0, at - 2), at + 1) for b in range(at, min(len(words), end + 3)))
        return any(" ".join(filter(None, words[a : b + 1])) in allowed() for a, b in spans)


def is_given(word: str) -> bool:
    return word in words_of("names_given")


def is_weak(word: str) -> bool:
    return word in words_of("names_given_weak")


def weak_surnames() -> frozenset[str]:
    return words_of("names_surnames_weak")
