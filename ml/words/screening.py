"""Judges a prompt together with its negative prompt: `screen`, and `refuse_prompt` for engines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from ml.errors import MLError
from ml.words import ages, chinese_names, names, spelling
from ml.words.fragments import Found
from ml.words.lexicon import Lexicon, read_terms, unmasked
from ml.words.once import once
from ml.words.spelling import BREAK

# Emoji that spelling reads as letters: flags (two regional indicators), and those that stand for words.
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|[{''.join(map(chr, spelling.PICTURES))}]")
LETTER = re.compile(f"[A-Za-z0-9{spelling.CJK}]")
MAX_PROMPT = 1_000  # characters
LISTS = [
    "allowed",
    "sexual",
    "suggestive",
    "beside_child",
    "expecting",
    "grown",
    "mild",
    "calm",
    "child",
    "baby",
    "youth",
    "milestone",
    "minor",
    "undress",
    "violence",
    "self_harm",
    "hate",
    "people",
]
NEAR = 2  # words
REMOVED = ("removed", "removed_undies", "removed_adult")

MESSAGES = {
    "empty": "Describe the picture in words: this has none.",
    "too_long": f"This prompt is too long. Shorten it to {MAX_PROMPT:,} characters.",
    "minor": "Children and teenagers never appear in anything suggestive here. Leave out one or the other.",
    "known_person": "Pictures of well-known people are not made here. Leave out the name.",
    "other_person": "Pictures of other real people cannot be asked for here. Leave out the name.",
    "undress": "Nobody is undressed here. Describe what the person wears instead.",
    "sexual": "Sexual content and nudity are not allowed here. Describe the picture without them.",
    "violence": "Violence against people is not allowed here. Describe the picture without it.",
    "hate": "Hateful words and symbols are not allowed here. Describe the picture without them.",
    "self_harm": "Pictures of self-harm are not made here. If you feel like hurting yourself, please talk to somebody you trust or call a helpline.",  # noqa: E501
    "blocked": "A word in this prompt is not allowed here. Describe the picture in another way.",
}
# Each list's code. A prompt that breaks several rules gets the first code in this order.
CODES = {
    "people": "known_person",
    "undress": "undress",
    "sexual": "sexual",
    "self_harm": "self_harm",
    "hate": "hate",
    "violence": "violence",
    "blocked": "blocked",
    "names": "other_person",
}


@dataclass(frozen=True)
class Verdict:
    """`code` is "" when allowed, else a key of MESSAGES. `term` is the words that matched."""

    allowed: bool
    code: str = ""
    term: str = ""

    @property
    def message(self) -> str:
        return MESSAGES.get(self.code, "")


@dataclass
class Content:
    """What a text is about: the first words found of each list."""

    found: dict[str, str] = field(default_factory=dict)
    hint: str = ""  # something suggestive, even within a harmless phrase
    grown: bool = False  # whether somebody is said to be 18 or more; read only beside a "milestone"

    def first(self, *names: str) -> str:
        return next((self.found[name] for name in names if name in self.found), "")


def screen(
    prompt: str, negative: str = "", *, blocked: Iterable[str] = (), allow_sexual: bool = False
) -> Verdict:
    """Whether a prompt is allowed beside its negative prompt.

    `blocked` are further terms (see lexicon.py); they count in the prompt alone. `allow_sexual` disables the
    sexual list: minors, undressing and known people stay refused.
    """
    if max(len(prompt), len(negative)) > MAX_PROMPT:
        return Verdict(False, "too_long")
    if not has_words(prompt):
        return Verdict(False, "empty")
    asked, refused = spelling.without_negated(prompt)
    removed, wanted = spelling.without_negated(negative)
    content = read(f"{asked}\n{wanted}", tuple(sorted(blocked)))
    away = read_removed(f"{removed}\n{refused}") if f"{removed}{refused}".strip() else Content()
    if term := _minor(content, away) or "":
        return Verdict(False, "minor", term)
    found = content.found | ({"undress": term} if (term := _removed(content, away)) else {})
    for name, code in CODES.items():
        if name in found and not (name == "sexual" and allow_sexual):
            return Verdict(False, code, found[name])
    return Verdict(True)


def refuse_prompt(prompt: str, negative: str = "", *, allow_sexual: bool = False) -> None:
    """MLError `prompt_refused` unless `screen` allows them."""
    verdict = screen(prompt, negative, allow_sexual=allow_sexual)
    if not verdict.allowed:
        raise MLError("prompt_refused", verdict.message)


def has_words(text: str) -> bool:
    """Whether a text has letters or digits. Signs, emoji and invisible characters are no words."""
    plain = EMOJI.sub("", text)
    return bool(LETTER.search(plain) or re.search(r"[^\W_]", spelling.fold(plain)))


is_term = has_words


def _minor(content: Content, away: Content) -> str:
    """The words that make a child, or somebody who may be one, sexual; "" if there are none."""
    explicit = content.first("sexual", "undress")
    hint = explicit or content.first("suggestive")
    bare = away.first("removed", "outfit")
    if alone := content.first("minor"):
        return alone
    if child := content.first("age", "child") or ("" if content.grown else content.first("milestone")):
        everyday = content.first("calm", "baby")
        hint = hint or content.first("beside_child") or bare or ("" if everyday else content.first("mild"))
        if content.first("age") and not content.first("grown"):
            hint = hint or content.first("expecting")
        return f"{child} + {hint}" if hint else ""
    if (youth := content.first("youth")) and (explicit or bare):
        return f"{youth} + {explicit or bare}"
    # "woman in a bikini" is harmless, but not without the woman.
    hint, adult = hint or content.hint, away.first("removed_adult")
    return f"{hint} - {adult}" if hint and adult else ""


def _removed(content: Content, away: Content) -> str:
    """What a negative prompt asks to take off; "" if nothing."""
    suggestive = content.first("sexual", "suggestive", "mild")
    return away.first("removed", "underwear") or (away.first("removed_undies") if suggestive else "")


# --- reading ------------------------------------------------------------------------------------------------


@once
def rules() -> Lexicon:
    return Lexicon({name: read_terms(name) for name in LISTS})


@once
def removals() -> Lexicon:
    return Lexicon({name: read_terms(name) for name in REMOVED})


@lru_cache(maxsize=8)
def blocked_rules(blocked: tuple[str, ...]) -> Lexicon:
    """Staff write plain words; of the signs of lexicon.py they may use `*` and `...`."""
    return Lexicon({"blocked": [re.sub(r"[^\w*.\s]|(?<!\.)\.(?!\.)", " ", term) for term in blocked]})


def read(text: str, blocked: tuple[str, ...] = ()) -> Content:
    folded = ages.spread(spelling.fold(text))
    lexicon = rules()
    tokens = spelling.tokens(folded)
    words = lexicon.read(tokens)
    found = [one for one in lexicon.find(words) if not (one.name == "people" and _is_site(one, words))]
    keys = [lexicon.keys(word) for word in words]
    found += [Found("age", s, e, " ".join(words[s:e])) for s, e in ages.Ages(words, keys).find()]
    chinese = spelling.chinese(folded)
    characters = [
        one
        for one in lexicon.find_chinese(chinese)
        if one.name != "people" or not chinese_names.is_inside(one.start, one.end, chinese)
    ]
    characters += [Found("age", m.start(), m.end(), m[0]) for m in ages.CHINESE.finditer(chinese)]
    kept = unmasked(found) + unmasked(characters)
    kept += [*_expecting(unmasked(found), NEAR), *_expecting(unmasked(characters), 3 * NEAR)]
    if blocked:
        kept += _blocked(blocked, tokens, chinese)
    content = Content(hint=next((one.text for one in found if one.name == "suggestive"), ""))
    for one in kept:
        content.found.setdefault(one.name, one.text)
    if "milestone" in content.found:
        content.grown = ages.Ages(words, keys).grown() or bool(ages.GROWN_CHINESE.search(chinese))
    if name := names.find(text):
        content.found["names"] = name
    return content


def _is_site(person: Found, words: list[str]) -> bool:
    """estadio Diego Maradona, John F. Kennedy airport"""
    at = person.start
    while at and names.is_given(words[at - 1]):
        at -= 1
    before, after = words[max(0, at - 1) : at], words[person.end : person.end + 1]
    return not (names.around()["before"].isdisjoint(before) and names.around()["site"].isdisjoint(after))


def _expecting(found: list[Found], near: int) -> list[Found]:
    """pregnant 14 year old: the ages with a pregnancy at most `near` words away, as finds of "minor"."""
    pregnancies = [one for one in found if one.name == "expecting"]
    return [
        Found("minor", one.start, one.end, f"{one.text} + {other.text}")
        for one in found
        for other in pregnancies
        if one.name == "age" and max(one.start, other.start) - min(one.end, other.end) <= near
    ]


def _blocked(blocked: tuple[str, ...], tokens: list[str], chinese: str) -> list[Found]:
    lexicon = blocked_rules(blocked)
    return lexicon.find(lexicon.read(tokens)) + lexicon.find_chinese(chinese)


def read_removed(text: str) -> Content:
    """The items of a negative prompt that are a term as a whole: "clothes", not "torn clothes".

    `outfit` are two garments or more and nothing else; `underwear` the same, when one is underwear.
    """
    folded = spelling.fold(text)
    lexicon = removals()
    words = [BREAK, *lexicon.read(spelling.tokens(folded)), BREAK]
    whole = [one for one in lexicon.find(words) if words[one.start - 1] == BREAK == words[one.end]]
    chinese = spelling.chinese(folded).split()
    found = [(one.name, one.text) for one in whole]
    found += [
        (name, item)
        for name, pattern in lexicon.fragments.items()
        for item in chinese
        if pattern.fullmatch(item)
    ]
    content = Content()
    for name, term in found:
        content.found.setdefault(name, term)
    garments = {term for name, term in found if name == "removed_undies"}
    if len(garments) > 1 and len(garments) == len(_items(folded)):
        content.found["outfit"] = ", ".join(sorted(garments))
        if any("<underwear>" in lexicon.keys(word) for term in garments for word in term.split()):
            content.found["underwear"] = content.found["outfit"]
    return content


def _items(folded: str) -> set[str]:
    return {item.strip() for item in re.split(r"[,;\n、，。]", folded) if item.strip()}
