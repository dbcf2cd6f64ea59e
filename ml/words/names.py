"""Finds full names: a given name and a surname beside each other. A twin's prompt needs nobody else's.

Who is well known is in people.txt; this rule finds the others by the shape of a name. Given names alone pass.
Names that are also words, places or garments (rose, virginia, stone) count only beside an unmistakable one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ml.words import chinese_names, spelling, vocabulary
from ml.words.lexicon import LISTS, read_sets, read_terms
from ml.words.once import once

TOKEN = re.compile(r"[^\W\d_]+(?:['’`´][^\W\d_]+)*|\d+|[^\w\s]|[\n_]")
OWNS = re.compile(r"['’`´]s?$")
HYPHENS = ("-", "‐", "‑")
LONGEST = 5  # words between the given name and the surname's end: juan carlos de la torre
TITLE_CASE = 0.9  # of a prompt's longer words, from here on capital letters say nothing

# One syllable of pinyin, and one or two of romanised Korean.
PINYIN = (
    "(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|ei|ui|ao|ou"
    "|iu|ie|ue|an|en|in|un|ia|ua|uo|a|e|i|o|u))"
)
HANGUL = "(?:(?:(?:ch|kk|tt|ss|[bcdghjkmnprstw])?[yw]?(?:ae|eo|eu|ui|oo|ee|[aeiou])(?:ng|[nmlktphr])?){1,2})"


@dataclass(frozen=True, slots=True)
class Token:
    raw: str
    word: str  # folded, without signs; "" for punctuation
    touches: bool  # whether only a space or hyphen is before it
    hyphen: bool  # whether a hyphen is before it

    @property
    def capital(self) -> bool:
        return self.raw[0].isupper() and not (len(self.raw) > 2 and self.raw.isupper())

    @property
    def owns(self) -> bool:
        """Martha's."""
        return bool(OWNS.search(self.raw))


@once
def words_of(name: str) -> frozenset[str]:
    """The words of lists/NAME.txt, which are separated by blanks."""
    lines = (LISTS / f"{name}.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@once
def around() -> dict[str, frozenset[str]]:
    return {name: frozenset(map(plain, words)) for name, words in read_sets("names").items()}


@once
def allowed() -> frozenset[str]:
    return frozenset(plain(term) for term in read_terms("names_allowed"))


def is_given(word: str) -> bool:
    return word in words_of("names_given")


def is_weak(word: str) -> bool:
    return word in words_of("names_given_weak")


def is_surname(word: str) -> bool:
    return word in words_of("names_surnames")


def is_weak_surname(word: str) -> bool:
    return word in words_of("names_surnames_weak")


@lru_cache(maxsize=20_000)
def is_first(word: str) -> bool:
    """Whether a word may be a given name: also one that no list and no vocabulary knows."""
    if is_given(word) or is_weak(word):
        return True
    return len(word) > 4 and not vocabulary.knows(word) and not vocabulary.knows(f"^{word}")


def plain(text: str) -> str:
    """Lower case without accents, ñ as n."""
    return spelling.fold(text).replace("ñ", "n")


@lru_cache(maxsize=20_000)
def word_of(raw: str) -> str:
    return plain(re.sub(r"['’`´]", "", OWNS.sub("", raw))) if raw[0].isalpha() else ""


def find(text: str) -> str:
    """The first full name of a text, or ""."""
    text = unicodedata.normalize("NFKC", text)
    if re.search(f"[{spelling.CJK}]", text) and (found := chinese_names.find(spelling.fold(text))):
        return found
    tokens = list(read(text))
    return Names(tokens, capitals_count(tokens)).find() if len(tokens) > 1 else ""


def read(text: str) -> list[Token]:
    found: list[Token] = []
    hyphen = False
    for raw in TOKEN.findall(text):
        before = found[-1].word if found else ""
        if raw in HYPHENS or (raw == "." and len(before) == 1):
            hyphen = raw in HYPHENS
            continue
        found.append(Token(raw, word_of(raw), bool(before), hyphen))
        hyphen = False
    return found


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
            ends = [end for end in self._ends(at) if self._is_name(at, end)]
            for end in ends + self._asian(at):
                if not self._excused(at, self._last(end)):
                    return " ".join(one.word for one in self.tokens[at : end + 1])
        return ""

    def _after(self, at: int) -> Token | None:
        return self.tokens[at + 1] if at + 1 < len(self.tokens) else None

    def _ends(self, at: int) -> list[int]:
        """Where the surname of a name from `at` on may be: after given names, initials and particles."""
        ends: list[int] = []
        if not is_first(self.tokens[at].word):
            return ends
        for end in range(at + 1, min(len(self.tokens), at + LONGEST)):
            one, before = self.tokens[end], self.tokens[end - 1]
            if not one.touches or not one.word or before.owns:
                break
            article = one.word in around()["articles"] and before.word == "de"
            if one.word in ("y", "e", "o", "a"):
                break
            if len(one.word) > 1 and not article and one.word not in around()["particles"]:
                ends.append(end)
                if not is_given(one.word):
                    break
        return ends

    def _is_name(self, at: int, end: int) -> bool:
        first, last = self.tokens[at].word, self.tokens[end].word
        sure = is_given(first)
        if last in around()["places"]:
            return False
        if is_surname(last):
            return sure or end == at + 1 or len(self.tokens[at + 1].word) == 1
        if last in around()["no surname"] or last in around()["after"]:
            return False
        if self.capitals and self.tokens[at].capital and self.tokens[end].capital:
            if not sure:
                return is_weak(first) and last in around()["trades"]
            weak = is_weak(last) and not is_weak_surname(last)
            return len(last) > 2 and not is_given(last) and not weak
        if sure and is_weak_surname(last):
            return self._ends_here(end)
        if len(last) < 4 or is_given(last) or vocabulary.knows(last):
            return False
        after = self._after(end)
        return sure or bool(after and end == at + 1 and after.word in around()["person"])

    def _ends_here(self, end: int) -> bool:
        """Whether a surname that is also a word is the last one: not in emma stone wall."""
        after = self._after(end)
        if after is None or not after.word or after.word in around()["open"]:
            return True
        return after.word.endswith(("ing", "ando", "iendo")) or is_given(after.word) or is_surname(after.word)

    def _asian(self, at: int) -> list[int]:
        """The ends of zhou dongyu, Yao Ming, Kim Go-eun: a surname before a given name."""
        first, given = self.tokens[at], self.tokens[at + 1]
        if not given.touches or first.owns or is_weak_surname(given.word) or given.word.endswith("ing"):
            return []
        capital = self.capitals and first.capital and given.capital
        if first.word in around()["chinese"]:
            two = len(given.word) > 4 and re.fullmatch(PINYIN * 2, given.word)
            return [at + 1] if two or (capital and re.fullmatch(PINYIN, given.word)) else []
        korean = first.word in around()["korean"]
        after = self._after(at + 1)
        if after and after.hyphen and re.fullmatch(HANGUL, f"{given.word}{after.word}"):
            return [at + 2] if korean or is_surname(first.word) else []
        return [at + 1] if korean and len(given.word) > 4 and re.fullmatch(HANGUL, given.word) else []

    def _last(self, end: int) -> int:
        """The end of a name with two surnames."""
        after = self._after(end)
        if not after or not after.touches or (after.word in around()["after"] and not after.hyphen):
            return end
        if after.hyphen:
            return end + 1
        return end + 1 if is_surname(after.word) or is_weak_surname(after.word) else end

    def _excused(self, at: int, end: int) -> bool:
        """Whether a name is that of a place, a brand, a figure or a style."""
        words = [one.word for one in self.tokens]
        start = at
        while start and (is_given(words[start - 1]) or is_weak(words[start - 1])):
            start -= 1
        while start and words[start - 1] in ("de", "del", "of"):
            start -= 1
        if any(one in around()["before"] for one in words[max(0, start - 1) : at]):
            return True
        if end + 1 < len(words) and words[end + 1] in around()["after"] | around()["site"]:
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
