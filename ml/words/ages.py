"""Finds ages under 18 in words: digits, number words, grades of school, years of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from ml.words.lexicon import ARTICLES
from ml.words.spelling import BREAK

ADULT = 18
NUMBERS = {
    word: number
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen",
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
        "diecisiete dieciocho diecinueve",
    )
    for number, word in enumerate(words.split())
} | {"forteen": 14, "fiveteen": 15, "un": 1, "diez y seis": 16}
PINYIN = {word: n for n, word in enumerate("ling yi er san si wu liu qi ba jiu shi".split())}
ROMAN = {"xiii": 13, "xiv": 14, "xv": 15, "xvi": 16, "xvii": 17}
TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety hundred veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa".split())  # noqa: E501
ORDINALS = {
    word: n
    for words in (
        "- first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth",
        "- primero segundo tercero cuarto quinto sexto septimo octavo noveno decimo",
        "- primer segundo tercer cuarto quinto sexto septimo octavo noveno decimo",
        "- primera segunda tercera cuarta quinta sexta septima octava novena decima",
    )
    for n, word in enumerate(words.split())
}
UNITS = frozenset("yo yrs yr year years yearold yearsold yold yro años ano anos año añito añitos anitos añicos primavera primaveras abriles summers winters springs inviernos veranos sui birthdays".split())  # noqa: E501
# "15 year old", "15 years of age": years alone are also those of whisky.
OLD = frozenset(("old", "olds", "young", "of", "aged"))
MONTHS = frozenset("month months mo mos week weeks meses mes semanas".split())
SAYS_AGE = frozenset("age aged ages edad turned turning turns looks looking looked look about around barely only just almost nearly cumple cumplio cumplidos cumplir tiene tengo tenia teniendo aparenta parece apenas solo con recien is was im she he shes hes at las los hasta casi barley merely".split())  # noqa: E501
STRONG_SAYS = frozenset("age aged ages edad turned turning turns cumple cumplio cumplidos aparenta barely".split())  # noqa: E501
LOOKS = frozenset(("looks", "looking", "age", "aged", "aparenta", "parece"))
BELOW = frozenset("under below sub minus younger less before menor menos underneath not pre".split())
THINGS = frozenset("minute minutes min mins hour hours h second seconds sec day days cm mm m km inch inches feet foot ft meter meters metre metres kg g lb lbs pounds mile miles percent times people persons men women pm am o oclock st nd rd th euros dollars usd px k bit fps frames images photos pictures shots roses candles dogs cats minutos horas dias segundos metros grados degrees personas rosas velas fotos x by megapixel mp iso stops storey story floors rooms pieces page pages euro dollar cats birds trees balloons globos flores flowers years' items bottles volts watts hp".split())  # noqa: E501
NOT_PEOPLE = frozenset("whisky whiskey rum ron wine vino cheese cheddar queso labrador dog perro gato cat house casa car coche tree scotch bourbon port tequila vinegar retriever horse caballo puppy anniversary aniversario experience experiencia collie spaniel poodle terrier beagle company empresa brandy mezcal cognac garantia warranty later ago experiences service together married marriage tradition contrato mortgage hipoteca guarantee".split())  # noqa: E501
CAMERA = frozenset("mm iso lens aperture bokeh shutter canon nikon sony dslr exposure objetivo apertura leica fujifilm kodak portra".split())  # noqa: E501
STOPS = frozenset((1, 2, 4, 5, 8, 11, 16))
GRADE = frozenset("grade grader graders grado curso".split())
SCHOOL = frozenset("eso primaria secundaria primary infantil bachillerato prepa".split())
STARTS = frozenset(("grade", "year", "grado", "born", "nacida", "nacido"))
PERSON = "<youngster>"


def find(words: list[str], keys: list[frozenset[str]]) -> Iterator[tuple[int, int]]:
    """The [start, end) of each age under 18 in the words of a text."""
    for at, word in enumerate(words):
        if not _may_be_age(word):
            continue
        if end := _compound(words, at, word):
            yield at, end
        elif (age := _number(words, at)) is not None and (end := _said(words, keys, at, age)):
            yield at, end
        elif end := _grade(words, at):
            yield at, end


@lru_cache(maxsize=20_000)
def _may_be_age(word: str) -> bool:
    """False for most words: those that no rule below begins with."""
    spelt = word in NUMBERS or word in PINYIN or word in ROMAN or word in ORDINALS or word in STARTS
    return spelt or any(c.isdigit() for c in word) or len(word) == 2 or bool(WORD_AGE.fullmatch(word))


def _number(words: list[str], at: int) -> int | None:
    """The whole number at `at`; None for no number or one part of twenty-five."""
    word = words[at]
    before = words[at - 1] if at else ""
    if before in TENS or (before == "y" and at > 1 and words[at - 2] in TENS):
        return None
    if word.isdecimal() and len(word) < 3:
        return int(word)
    if word in PINYIN and at + 1 < len(words) and words[at + 1] in ("sui", "shi"):
        return PINYIN[word] if words[at + 1] == "sui" else None
    spelt = NUMBERS.get(word) or ROMAN.get(word)
    if spelt is None and len(word) == 2 and word[0] in "1li" and at + 1 < len(words):
        mended = word.translate(str.maketrans("lisozbg", "1150286"))
        return int(mended) if mended.isdecimal() and words[at + 1] in UNITS else None
    return spelt


COMPOUND = re.compile(
    r"(?P<age>\d{1,2})(?:y|yo|yrs?|years?|yearolds?|yearsold|yold|yro|f|fem|sui|años|anos|añitos|anitos|teen|g|girl|boy|m|u|y0|ys)"
    r"|(?:f|fem|girl|boy|age|aged|u|teen|sub|under)(?P<after>\d{1,2})"
)
WORD_AGE = re.compile(
    rf"(?:{'|'.join(NUMBERS)})(?:yo|yrs?|years?|yearolds?|yearsold|añitos|años|anos|añera|anera)"
)


def _compound(words: list[str], at: int, word: str) -> int:
    """15yo, 15f, f15, fifteenyo, u16."""
    if match := WORD_AGE.fullmatch(word):
        return at + 1 if NUMBERS[re.match("|".join(sorted(NUMBERS, key=len, reverse=True)), match[0])[0]] < ADULT else 0  # type: ignore[index]  # noqa: E501
    match = COMPOUND.fullmatch(word)
    age = int(match["age"] or match["after"]) if match else ADULT
    if not 0 < age < ADULT and word not in ("u18", "sub18", "under18"):
        return 0
    if re.fullmatch(r"f\d+|\d+[mgfu]", word) and (age < 6 or age in STOPS and not CAMERA.isdisjoint(words)):
        return 0
    if word.startswith("f") and age in (8, 11) or word.endswith("m") and age < 13:
        return 0
    return _unless_things(words, at + 1, at + 1)


def _unless_things(words: list[str], at: int, end: int) -> int:
    """`end`, or 0 when what has the age is no person: 15 year old whisky."""
    follows = [word for word in words[at : at + 4] if word not in ARTICLES][:3]
    return 0 if not NOT_PEOPLE.isdisjoint(follows) else end


def _said(words: list[str], keys: list[frozenset[str]], at: int, age: int) -> int:
    """The end of what says that the number at `at` is the age of a child, or 0."""
    after = words[at + 1] if at + 1 < len(words) else BREAK
    before = [word for word in words[max(0, at - 4) : at] if word not in ARTICLES]
    last = before[-1] if before else ""
    below = age <= ADULT and not BELOW.isdisjoint(before[-2:])
    if not (0 < age < ADULT or below):
        return 0
    if after in UNITS:
        return _unless_things(words, at + 2, at + 2)
    if words[at + 1 : at + 3] == ["going", "on"]:
        return at + 3
    if after in MONTHS:
        return at + 2 if at + 2 < len(words) and words[at + 2] in OLD else 0
    if after == "y" or (after == "and" and "half" in words[at + 2 : at + 4]):
        return at + 2 if words[at + 2 : at + 3] in (["o"], ["medio"]) or after == "and" else 0
    if after in THINGS:
        return 0
    return at + 1 if below or _stated(keys, at, age, before, last, after) else 0


def _stated(
    keys: list[frozenset[str]], at: int, age: int, before: list[str], last: str, after: str
) -> bool:
    """aged fifteen; she is 15; girl, 15; girl of fifteen; 15, female."""
    if last in STRONG_SAYS or not LOOKS.isdisjoint(before[-2:]):
        return True
    if age < 4:
        return False
    ends = after == BREAK or after in ("in", "with", "wearing", "en", "con", "and", "y") or PERSON in keys[at + 1]
    near = [word for word in range(max(0, at - 4), at) if PERSON in keys[word]]
    if last in SAYS_AGE:
        return bool(near) or (ends and last not in ("at", "las", "los", "with", "con", "around", "about"))
    person_before = bool(near) and near[-1] >= at - 2
    follows = keys[at + 2] if after == BREAK and at + 2 < len(keys) else frozenset()
    return ends and (person_before or PERSON in follows or (last == "de" and bool(near)))


def _grade(words: list[str], at: int) -> int:
    """second grader, 7th grade, grade 5, tercero de primaria, fifteenth birthday, born in 2012."""
    word, after = words[at], words[at + 1] if at + 1 < len(words) else ""
    match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|o|a|º|er|ro|to)", word)
    order = int(match[1]) if match else ORDINALS.get(word, 0)
    if order and order < 13 and (after in GRADE or (after == "de" and SCHOOL & {*words[at + 2 : at + 4]})):
        return at + 2
    if order and order < ADULT and after in ("birthday", "cumpleaños", "bday"):
        return at + 2
    if word in ("grade", "year", "grado") and after.isdecimal() and int(after) < 13:
        return at + 2
    if word in ("born", "nacida", "nacido") and (years := re.findall(r"20\d\d", " ".join(words[at : at + 4]))):
        return at + 3 if int(years[0]) > datetime.now(UTC).year - ADULT else 0
    return 0


DIGITS = "一二三四五六七八九"
CHINESE = re.compile(
    r"(?<!\d)(?:1[0-7]|[1-9])(?: ?(?:周?岁|多岁|来岁|岁半)|(?=岁))"
    rf"|(?<![{DIGITS}十百两])(?:十[一二三四五六七]?|[{DIGITS}两])(?:[、 ]?[一二三四五六七八九])?周?岁"
    rf"|(?<![{DIGITS}十百])十[一二三四五六七]{{2}}岁"
    rf"|(?:才|刚|只有|刚满|年仅|年方|芳龄|年龄|仅|不过)(?:是|有|满)? ?(?:十[一二三四五六七]?|1[0-7]|[{DIGITS}])(?![\d{DIGITS}十百点分米个张位人条])"
    r"|20(?:09|1\d|2\d)年?(?:出生|生)|(?:09|1\d)后(?:女|男|小|妹|少)"
)
