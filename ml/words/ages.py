"""Finds ages under 18: digits, number words, grades of school, years of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ml.words.lexicon import ARTICLES, read_sets
from ml.words.spelling import BREAK

ADULT = 18
PERSON = "<youngster>"
SETS = read_sets("ages")
NUMBERS = {
    word: number
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen",
        "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
        "diecisiete dieciocho",
        "- - - - - - - - - - - - - xiii xiv xv xvi xvii",
    )
    for number, word in enumerate(words.split())
}
PINYIN = {
    word: number
    for number, word in enumerate(["ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu", "shi"])
}
ORDINALS = {
    word: number
    for words in (
        "- first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth fifteenth sixteenth seventeenth",
        "- primero segundo tercero cuarto quinto sexto septimo octavo noveno decimo",
        "- primer - tercer",
        "- primera segunda tercera cuarta quinta sexta septima octava novena decima",
    )
    for number, word in enumerate(words.split())
}
ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|o|a|er|ro|to)")
GRADES = ("grade", "year", "grado", "form", "class", "std")
BORN = ("born", "nacida", "nacido")
BIRTHDAYS = ("birthday", "cumpleaños", "bday")
FOLLOWED = (BREAK, "in", "with", "wearing", "en", "con", "and", "y")
SHY = ("at", "las", "los", "with", "con", "around", "about")  # "at 15" alone may be a time or a place
SEXES = ("f", "fem", "female", "male", "girl", "boy")
STOPS = (1, 2, 4, 5, 8, 11, 16)  # f/8 and f/11 are apertures
JOINED = re.compile(
    r"(?P<age>\d{1,2})(?:y|yo|yrs?|ys|years?|yearolds?|yearsold|yold|yro|f|fem|sui|años|anos|añitos|anitos"
    r"|teen|girl|boy|g|m|ish)|(?:f|fem|girl|boy|age|aged|u|teen|sub|under)(?P<after>\d{1,2})"
)
SPELT = re.compile(
    rf"({'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
    r"(?:yo|yrs?|years?|yearolds?|yearsold|añitos|años|anos|añeras?|aneras?|ish)"
)
DIGITS = "一二三四五六七八九"
CHINESE = re.compile(
    r"(?<!\d)(?:1[0-7]|[1-9]) ?(?:周|多|来|虚)?岁"
    rf"|(?<![{DIGITS}十百两])(?:十[一二三四五六七]?|[{DIGITS}两])(?:[、 ]?[{DIGITS}])?(?:周|多|来)?岁"
    r"|(?:才|刚|只有|刚满|年仅|年方|芳龄|年龄|仅|不过)[是有满]? ?"
    rf"(?:十[一二三四五六七]?|1[0-7]|[{DIGITS}])(?![\d{DIGITS}十百点分米个张位人条只朵件把本块度次天年月日步])"
    r"|20(?:09|[12]\d)年?(?:出?生)|(?:09|1\d)后"
)


@lru_cache(maxsize=20_000)
def _may_begin(word: str) -> bool:
    """False for most words: those that no age begins with."""
    spelt = word in NUMBERS or word in PINYIN or word in ORDINALS or word in GRADES or word in BORN
    return spelt or len(word) == 2 or any(c.isdigit() for c in word) or bool(SPELT.fullmatch(word))


@dataclass(frozen=True)
class Ages:
    """The ages in the words of a text; `keys` is what each word can match (see Lexicon)."""

    words: list[str]
    keys: list[frozenset[str]]

    def find(self) -> Iterator[tuple[int, int]]:
        """The [start, end) of each age under 18."""
        for at, word in enumerate(self.words):
            if not _may_begin(word):
                continue
            if end := self._joined(at) or self._said(at) or self._grade(at):
                yield at, end

    def _word(self, at: int) -> str:
        return self.words[at] if 0 <= at < len(self.words) else BREAK

    def _near(self, name: str, start: int, end: int) -> bool:
        return not SETS[name].isdisjoint(self.words[max(0, start) : end])

    def _number(self, at: int) -> int | None:
        """The whole number at `at`; None for no number or the five of twenty-five."""
        word, after = self.words[at], self._word(at + 1)
        tens = SETS["tens"]
        if self._word(at - 1) in tens or (self._word(at - 1) == "y" and self._word(at - 2) in tens):
            return None
        if word.isdecimal() and len(word) < 3:
            return int(word)
        if word in PINYIN and after == "sui":
            return PINYIN[word]
        if len(word) == 2 and word[0] in "1li" and after in SETS["units"]:
            mended = word.translate(str.maketrans("lisozbg", "1150286"))
            return int(mended) if mended.isdecimal() else None
        return NUMBERS.get(word)

    def _joined(self, at: int) -> int:
        """15yo, 15f, f15, fifteenyo, u16."""
        word = self.words[at]
        if match := SPELT.fullmatch(word):
            return at + 1 if NUMBERS[match[1]] < ADULT else 0
        if not (match := JOINED.fullmatch(word)):
            return 0
        age = int(match["age"] or match["after"])
        if not 0 < age < ADULT and word not in ("u18", "sub18", "under18"):
            return 0
        short = re.fullmatch(r"f\d+|\d+[mgf]", word)
        aperture = age in (8, 11) if word[0] == "f" else word[-1] == "m" and age < 13
        if short and (age < 6 or aperture or (age in STOPS and self._has_camera())):
            return 0
        return self._unless_things(at + 1)

    def _has_camera(self) -> bool:
        return not SETS["camera"].isdisjoint(self.words)

    def _unless_things(self, end: int) -> int:
        """`end`, or 0 when what has the age is no person: 15 year old whisky."""
        return 0 if self._near("no people", end - 6, end + 4) else end

    def _said(self, at: int) -> int:
        """The end of what says that the number at `at` is the age of a child, or 0."""
        age = self._number(at)
        if age is None or not 0 < age <= ADULT:
            return 0
        before = [word for word in self.words[max(0, at - 4) : at] if word not in ARTICLES]
        below = not SETS["below"].isdisjoint(before[-2:])
        after = self._word(at + 1)
        if age == ADULT and not below or after in SETS["things"]:
            return 0
        if after in SETS["units"]:
            return self._unless_things(at + 2)
        if after in SETS["months"]:
            return at + 2 if self._word(at + 2) in SETS["old"] else 0
        if after == "y" and self._word(at + 2) in ("o", "medio"):
            return at + 3
        if after in SEXES and age > 6 and age not in STOPS[:-1]:
            return at + 2
        if after == "going" and self._word(at + 2) == "on":
            return at + 3
        return at + 1 if below or self._stated(at, age, before) else 0

    def _stated(self, at: int, age: int, before: list[str]) -> bool:
        """aged fifteen; she is 15; girl, 15; girl of fifteen; 15, female; sweet 16; a number alone."""
        last, after = before[-1] if before else BREAK, self._word(at + 1)
        if not SETS["says surely"].isdisjoint(before[-2:]):
            return True
        if age < 4:
            return False
        ends = after in FOLLOWED or PERSON in self.keys[at + 1]
        near = [place for place in range(max(0, at - 4), at) if PERSON in self.keys[place]]
        if last in SETS["says"]:
            return bool(near) or (ends and last not in SHY)
        if last == BREAK and (after == BREAK or (at == 0 and after in FOLLOWED)):
            return not (age in STOPS and self._has_camera())
        if (
            at > 1
            and last in ("of", "de")
            and PERSON in self.keys[at - 2]
            and after.endswith(("ing", "ando", "iendo"))
        ):
            return True
        return ends and bool(near) and (near[-1] >= at - 2 or last == "de")

    def _grade(self, at: int) -> int:
        """second grader, 7th grade, grade 5, tercero de primaria, fifteenth birthday, born in 2012."""
        word, after = self.words[at], self._word(at + 1)
        match = ORDINAL.fullmatch(word)
        order = int(match[1]) if match else ORDINALS.get(word, 0)
        if 0 < order < ADULT and self._word(at - 1) not in SETS["tens"]:
            of_school = after == "de" and self._near("school", at + 2, at + 4)
            if after in BIRTHDAYS or (order < 13 and (after in SETS["grade"] or of_school)):
                return at + 2
        if word in GRADES and after.isdecimal() and int(after) < 13:
            return at + 2
        if word in BORN and (years := re.findall(r"\b20\d\d\b", " ".join(self.words[at : at + 4]))):
            return at + 2 if int(years[0]) > datetime.now(UTC).year - ADULT else 0
        return 0
