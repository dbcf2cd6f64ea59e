"""Finds ages under 18: digits, number words, grades of school, years of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ml.words.lexicon import ARTICLES, PREPOSITIONS, read_sets
from ml.words.spelling import BREAK, readings

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
        "fourteenth fifteenth sixteenth seventeenth eighteenth",
        "- primero segundo tercero cuarto quinto sexto septimo octavo noveno decimo",
        "- primer - tercer - - - - - - - - onceavo doceavo treceavo catorceavo quinceavo",
        "- - - - - - - - - - - undecimo duodecimo decimotercero decimocuarto decimoquinto decimosexto "
        "decimoseptimo decimoctavo",
        "- - - - - - - - - - - decimoprimer decimosegundo decimotercer",
        "- primera segunda tercera cuarta quinta sexta septima octava novena decima",
    )
    for number, word in enumerate(words.split())
}
ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|o|a|er|ro|to)")
GRADES = ("grade", "year", "yr", "grado", "form", "class", "std", "standard")
BORN = ("born", "nacida", "nacido", "naci", "nacio", "nacimos")
BIRTHDAYS = ("birthday", "cumpleaños", "cumple", "bday")
CANDLES = ("candle", "candles", "velas", "velitas")
FOLLOWED = (BREAK, "again", "in", "with", "wearing", "en", "con", "and", "y")
SHY = ("at", "las", "los", "with", "con", "around", "about")  # "at 15" alone may be a time or a place
SEXES = ("f", "fem", "female", "male", "girl", "boy")
STOPS = (1, 2, 4, 5, 8, 11, 16)  # f/8 and f/11 are apertures
JOINED = re.compile(
    r"(?P<age>\d{1,2})(?:y|yo|yrs?|ys|years?|yearolds?|yearsold|yold|yro|f|fem|sui|años|anos|añitos|anitos"
    r"|teen|girl|boy|g|m|ish)|(?:f|fem|girl|boy|age|aged|u|teen|sub|under|im|(?=m1[3-57]$)m)(?P<after>\d{1,2})"
)
SPELT = re.compile(
    rf"({'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
    r"(?:yo|yrs?|years?|yearolds?|yearsold|añitos|años|anos|añeras?|aneras?|ish)"
)
DIGITS = "一二三四五六七八九"
YOUNG = "(?:十[一二三四五六七]?|1[0-7]|[4-9四五六七八九])"
EIGHTEEN = "(?:18|十八)"
BEASTS = "狗|猫(?![女娘耳])|犬|马|车|树|威士忌|酒|龟|鹦鹉|牛|猪|鸟|公司|房"
CHINESE = re.compile(
    rf"(?:(?<!\d)(?:1[0-7]|[1-9]) ?(?:周|多|来|虚|几)?岁"
    rf"|(?<![{DIGITS}十百两])(?:十[一二三四五六七]?|[{DIGITS}两半])(?:[、 ]?[{DIGITS}])?(?:周|多|来|几)?岁)"
    rf"(?!的?[老小大]?(?:{BEASTS}))"
    r"|(?:才|刚|只有|刚满|年仅|年方|芳龄|年龄[ \n]?|仅|不过)[是有满]? ?"
    rf"(?:十[一二三四五六七]?|1[0-7]|[{DIGITS}])(?![\d{DIGITS}十百点分米个张位人条只朵件把本块度次天年月日步])"
    # 我十三，今年才16
    r"|(?:(?:我|她|他)(?:们|俩)*|妹|弟|今年|虚岁|周岁)"
    r"(?:也|刚好|正好|恰好|差不多|才|刚|满|只|有|是|快|已经|就|今年|现在|都|还|虚岁|周岁|要)* ?"
    rf"{YOUNG}(?= ?(?:\n|$|[a-z])|[了啦呀呢哦]|的我)"
    rf"|(?:没|未|不)有?[满到足够过及]{EIGHTEEN}|{EIGHTEEN}岁?(?:生日)?[之以]?前(?![台面方])"
    rf"|(?:快|即将|马上|就要|将要|下个?月|下周|明年|明天|后天)(?:就|要|才)*[满到过是]?{EIGHTEEN}(?=[岁了\n]|$)"
    rf"|(?:离|距离?|差)[^\n]{{0,8}}?{EIGHTEEN}(?=[岁\n]|$)|等我?[长]?[到满]{EIGHTEEN}|比{EIGHTEEN}岁?小"
    rf"|[没未]{EIGHTEEN}(?=[岁\n]|$)|(?:再过|过|还有)[^\n]{{1,4}}[才就]?[满到]{EIGHTEEN}"
    rf"|(?<![^\n])(?:1[0-7]|十[一二三四五六七])[ \n]?[女男]|(?<![^\n])[女男][ \n]?{YOUNG}(?=\n|$)"
    rf"|[\d{DIGITS}十]个?月龄"
    r"|[半一二两三四五六七八九十\d]个[多半]?月(?:大|的?(?:宝|孩|娃|婴|女儿|儿子|弟|妹|侄|外甥))|出生[^\n]{0,4}天|刚出生"
    r"|(?:上|读|念|升|升入)了?[初高][一二三](?![点些层米个楼号厘尺度])|我(?:是|在)?个?[初高][一二三](?=[的了\n]|$)|(?:上|读|念)国[一二三]|国[一二三]的我"
    r"|我高[一二三](?![点些层米个楼号厘尺度截头])"
    r"|(?:今年|现在|明年|九月|开学|刚|才|已经?)(?:就|是|要|才|刚)?(?:[升上读念]了?)?(?:[初高国][一二三]|小[一二三四五六])"
    r"(?![点些层米个楼号厘尺度截头块件只])|(?:上|读|念|升)了?小[一二三四五六](?![点些层米个楼号])"
    r"|[初高][一二三](?:新生|的我|毕业|开学|暑假|寒假|那年|时候|期间)"
    r"|(?:20(?:09|[12]\d)|[〇零]九|一[〇零一二三四五六])年?(?:出?生)|(?:09|1\d|[〇零]九|一[〇零])后"
    rf"|(?:吹|蛋糕|生日)[^\n]{{0,8}}?(?<![{DIGITS}\d])(?:十[一二三四五六七]?|1[0-7]|[1-9{DIGITS}])[根支只岁]?(?:生日)?蜡烛"
)
GROWN_CHINESE = re.compile(
    rf"(?<!\d)(?:1[89]|[2-9]\d) ?(?:周|多|来)?岁|[二三四五六七八九]十有?[{DIGITS}]?(?:多|来|几)?岁|十[八九]岁"
    rf"|(?:今年|都|我)(?:是|也|已经|已|快|刚)?(?:[二三四五六七八九]十有?[{DIGITS}]?|1[89]|[2-9]\d)(?=\n|$|[了啦])"
)


SPAN = re.compile(r"(?<![\d.])([1-9]) ?[-/~] ?([1-9])(?=[ -]?(?:y|a[nñ]))")
DIGIT = re.compile("[1-9]")
BESIDE_NAME = re.compile(r"(?<=[a-z]) ?\(([4-9]|1[0-7])\)")


def spread(folded: str) -> str:
    """8-9 years as 8 to 9 years (digits side by side are read as one number), Tom (9) as Tom, 9."""
    if not DIGIT.search(folded):
        return folded
    return BESIDE_NAME.sub(r", \1, ", SPAN.sub(r"\1 to \2", folded))


@lru_cache(maxsize=20_000)
def _spelt(word: str) -> int | None:
    """The number that a word is, also f0urteen and fifteeen."""
    return next((NUMBERS[one] for one in readings(word) if one in NUMBERS), None)


@lru_cache(maxsize=20_000)
def _may_begin(word: str) -> bool:
    """False for most words: those that no age begins with."""
    spelt = _spelt(word) is not None or word in PINYIN or word in ORDINALS or word in GRADES or word in BORN
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
        return _spelt(word)

    def _joined(self, at: int) -> int:
        """15yo, 15f, f15, fifteenyo, u16."""
        word = self.words[at]
        if match := SPELT.fullmatch(word):
            return at + 1 if NUMBERS[match[1]] < ADULT else 0
        if self._word(at - 1) in SETS["below"] and (of_team := re.fullmatch(r"(\d{1,2})s", word)):
            return at + 1 if 3 < int(of_team[1]) <= ADULT else 0
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
        """`end`, or 0 when what has the age that ends there is no person: 15 year old whisky, a dog of 12."""
        end -= self.words[end - 1] == "of"
        before, after = self._clause(end - 1)
        old = [word for word in [self.words[end - 1], *after[:1]] if word in ("old", "olds")]
        after = after[1:] if after[:1] in (["old"], ["olds"]) else after
        if self._is_child(after, bool(old)):
            return end
        if not old and not SETS["spans"].isdisjoint(
            after[:4] if after[:1] in (["of"], ["de"]) else after[:2]
        ):
            return 0
        if not old and after[:1] in (["in"], ["en"]) and not SETS["jobs"].isdisjoint(after[1:4]):
            return 0
        doing = [word for word in after if word.endswith(("ing", "ndo"))]
        stops = (PREPOSITIONS - {"of", "de"}) | {"y", "me", "yo", "i", "en", "a", *doing}
        if not SETS["no people"].isdisjoint(self._until(after, *stops)[:3]):
            return 0
        return 0 if self._of_thing(before) else end

    def _is_child(self, after: list[str], old: bool) -> bool:
        """15 year old girl, 9 year old cat lover"""
        things = SETS["no people"].isdisjoint(after[:2])
        if old and after and after[0] in SETS["speakers"]:
            return True
        return not SETS["owners"].isdisjoint(after[: 2 if things else 3])

    def _of_thing(self, before: list[str]) -> bool:
        """Whether an age after these words is a thing's: my dog who is, un ron de, whisky."""
        at = next((at for at in range(len(before) - 1, -1, -1) if before[at] in SETS["no people"]), None)
        if at is None or len(before) - at > 6:
            return False
        counts = SETS["units"] | SETS["months"] | NUMBERS.keys()
        between = [word for word in before[at + 1 :] if not word.isdecimal() and word not in counts]
        linked = bool(between) and SETS["thing is"].issuperset(between)
        return linked or (not between and SETS["speakers"].isdisjoint(before))

    def _clause(self, at: int) -> tuple[list[str], list[str]]:
        """The words before and after the one at `at`, as far as punctuation."""
        before = self._until(self.words[max(0, at - 9) : at][::-1], BREAK)[::-1]
        return before, self._until(self.words[at + 1 : at + 7], BREAK)

    def _until(self, words: list[str], *stops: str) -> list[str]:
        return words[: next((at for at, word in enumerate(words) if word in stops), None)]

    def _said(self, at: int) -> int:
        """The end of what says that the number at `at` is the age of a child, or 0."""
        age = self._number(at)
        if age is None or age <= 0:
            return 0
        if end := self._of_baby(at, age):
            return end
        after = self._word(at + 1)
        if age >= ADULT or after in SETS["things"]:
            young = self._not_yet(at) if age == ADULT else self._candles(at)
            return at + 1 if age <= ADULT and young else 0
        before = [word for word in self.words[max(0, at - 4) : at] if word not in ARTICLES]
        if after in SETS["units"]:
            old = at + 2 + (self._word(at + 2) in SETS["old"])
            of = before[-1:] and before[-1] in ("of", "de")
            lasts = old == at + 2 and not SETS["lasting"].isdisjoint(before[-2:-1] if of else before[-1:])
            return at + 2 if not lasts and self._unless_things(old) else 0
        if after == "y" and self._word(at + 2) in ("o", "medio"):
            return at + 3
        if after == "and" and self.words[at + 2 : at + 4] == ["a", "half"]:
            return at + 4 if self._word(at + 4) in FOLLOWED or self._word(at + 4) in SETS["units"] else 0
        if after in SEXES and age > 6 and age not in STOPS[:-1]:
            return at + 2
        if after == "going" and self._word(at + 2) == "on":
            return at + 3
        below = not SETS["below"].isdisjoint(before[-2:])
        return at + 1 if below or self._stated(at, age, before) else 0

    def _of_baby(self, at: int, age: int) -> int:
        """The end of an age in months, weeks or days: 6 months old, ahijado de tres meses."""
        unit, after = self._word(at + 1), self._word(at + 2)
        if age > 35 or unit not in SETS["months"] | SETS["days"]:
            return 0
        if after in SETS["old"] and after != "of":
            return self._unless_things(at + 3)
        if after == "de" and self._word(at + 3) in ("edad", "nacido", "nacida"):
            return at + 4
        before = self.words[max(0, at - 3) : at]
        kin = not SETS["kin"].isdisjoint(before)
        aged = not SETS["has age"].isdisjoint(before[-1:]) and after not in SETS["lasts"]
        return at + 2 if unit in SETS["months"] and (kin or aged) else 0

    def _candles(self, at: int) -> bool:
        """11 candles on a cake."""
        return self._word(at + 1) in CANDLES and not SETS["cake"].isdisjoint(self.words)

    def _not_yet(self, at: int) -> bool:
        """Whether somebody is not 18 yet, where the number (or 18th birthday) is at `at`."""
        before, after = self._clause(at)
        if not SETS["below"].isdisjoint([word for word in before if word not in ARTICLES][-2:]):
            return self._word(at + 1) not in SETS["things"]
        if self._word(at + 1) in SETS["things"] or self._word(at + 1).isdecimal():
            return False
        if not (SETS["yet"].isdisjoint(after[:5]) and SETS["not"].isdisjoint(before[-6:])):
            return True
        times = SETS["calendar"] | SETS["months"] | SETS["days"] | SETS["units"]
        past = "turned" in before or "was" in before
        to_come = "in" in after[:2] or "next" in after[:4]
        if to_come and not past and not times.isdisjoint(after[1:]):
            return True
        ends = not after or after[0] in FOLLOWED or after[0] in SETS["units"] or after[0] in SETS["speakers"]
        return (ends or after[0] in BIRTHDAYS) and not SETS["not yet"].isdisjoint(before[-6:])

    def _stated(self, at: int, age: int, before: list[str]) -> bool:
        """aged fifteen; she is 15; girl, 15; girl of fifteen; 15, female; sweet 16; a number alone."""
        last, after = before[-1] if before else BREAK, self._word(at + 1)
        if after == "in" and not SETS["daytime"].isdisjoint(self.words[at + 2 : at + 4]):
            return False
        if after in ("recien", "cumplidos", "cumplidas") or (
            last == "de" and after in FOLLOWED and not SETS["is of"].isdisjoint(before[-2:-1])
        ):
            return True
        numbered = last in ("numero", "number") and before[-2:-1]
        if last in BIRTHDAYS or (numbered and before[-2] in BIRTHDAYS):
            return not after.endswith("s")
        if self._word(at - 1) == "las" or self.words[max(0, at - 2) : at] == ["no", BREAK]:
            return False
        if last not in ("y", "and") and not SETS["says surely"].isdisjoint(before[-2:]):
            return True
        of_kin = last in ("of", "de") and not SETS["kin"].isdisjoint(before[-2:-1]) and after in FOLLOWED
        if age < 4:
            return of_kin
        if last == "de" and before[-2:-1] and before[-2] in BIRTHDAYS and after in FOLLOWED:
            return True
        if self._owned(at, last):
            return True
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

    def _owned(self, at: int, last: str) -> bool:
        """im 17 make me a knight; yo a los 14; mis quince: no plural follows, as in "tengo 5 gatos"."""
        after, article = self._word(at + 1), self._word(at - 1)
        if after != BREAK and after.endswith("s") or after.isdecimal():
            return False
        if last == "was" and self._word(at - 2) in SETS["speakers"]:
            return True
        birthday = article in ("mis", "tus", "sus") and after in FOLLOWED
        return last in SETS["is"] or birthday or (article in ("los", "mis") and self._word(at - 2) == "a")

    def _grade(self, at: int) -> int:
        """second grader, 7th grade, grade 5, tercero de primaria, fifteenth birthday, born in 2012."""
        word, after = self.words[at], self._word(at + 1)
        match = ORDINAL.fullmatch(word)
        order = int(match[1]) if match else ORDINALS.get(word, 0)
        if 0 < order <= ADULT and self._word(at - 1) not in SETS["tens"]:
            of_school = after in SETS["school"] or (after == "de" and self._near("school", at + 2, at + 4))
            school_year = not SETS["in school"].isdisjoint(self.words[max(0, at - 2) : max(0, at - 1)])
            if school_year and self._word(at - 1) in ("in", "en", "a") and after in FOLLOWED and order < 10:
                return at + 1
            if after in BIRTHDAYS:
                return at + 2 if order < ADULT or self._not_yet(at) else 0
            if order < 13 and (after in SETS["grade"] or of_school or (after == "class" and order > 3)):
                return 0 if self._taught(at) else at + 2
        if word in GRADES and 0 < (NUMBERS.get(after, 0) or int(after if after.isdecimal() else 0)) < 13:
            return 0 if self._taught(at) else at + 2
        if word in BORN and (years := re.findall(r"\b20\d\d\b", " ".join(self.words[at : at + 4]))):
            return at + 2 if int(years[0]) > datetime.now(UTC).year - ADULT else 0
        return 0

    def _taught(self, at: int) -> bool:
        """I teach 7th grade; a 7th grade teacher; profesora de tercero de primaria."""
        before = [word for word in self.words[max(0, at - 3) : at] if word not in ARTICLES]
        if before[-1:] and before[-1] in ("of", "de", "a"):
            before.pop()
        return not SETS["teach"].isdisjoint(before[-1:]) or self._near("teach", at + 2, at + 4)

    # ------------------------------------------------------------------------------------------- grown people

    def grown(self) -> bool:
        """Whether somebody's age is said to be 18 or more."""
        return any(self._grown(at) for at, word in enumerate(self.words) if self._many(word))

    def _many(self, word: str) -> bool:
        return word in SETS["tens"] or (word.isdecimal() and ADULT <= int(word) < 100)

    def _grown(self, at: int) -> bool:
        end = at + 1
        if self.words[at] in SETS["tens"]:
            end += self._word(end) == "y"
            end += self._word(end) in NUMBERS
        if self._word(end) in SETS["units"]:
            return bool(self._unless_things(end + 1))
        before = [word for word in self.words[max(0, at - 3) : at] if word not in ARTICLES]
        if self._word(at - 1) == BREAK == self._word(end):
            return True
        if self._not_yet(at) or self._word(end) in SETS["things"] or not before:
            return False
        of = before[-1] in ("of", "de") and PERSON in self.keys[max(0, at - 2)]
        return of or before[-1] in SETS["is"] or before[-1] in SETS["grown"]
