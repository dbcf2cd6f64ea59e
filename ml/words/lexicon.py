"""Finds the terms of word lists in texts.

A list is terms between commas. In a term `word*` matches any ending, `a/b_c` one of both, `word?` nothing
too, `<class>` a word of classes.txt, and `...` up to three words, but no preposition ("remove wrinkles from
clothes"). A term with Chinese characters is a fragment of a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path

from ml.words import spelling
from ml.words.fragments import Found, Fragments
from ml.words.spelling import BREAK, CJK

LISTS = Path(__file__).parent / "lists"
GAP, LONGEST_GAP = "...", 3
PIECES, LETTERS = 30, 24  # the most that joined letters are tried for
PEOPLE = "people"
ALLOWED = "allowed"  # harmless phrases with words of other lists
JOINED_LISTS = ("sexual", "suggestive", "child", "youth", "undress", "people")
MISSPELT = ("sexual", "undress", "minor", "people", "child")  # also with a typing error
SHORT_PIECES = frozenset(("sex", "kid", "man", "men", "boy"))
STRONG = ("sexual", "minor", "undress", "people", "blocked")


# The words of a term after its first, the same as a set without gaps, and the list's name.
Rest = tuple[tuple[str, ...], frozenset[str], str]


def read_list(name: str) -> list[str]:
    """The lines of lists/NAME.txt without comments."""
    lines = (LISTS / f"{name}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def read_terms(name: str) -> list[str]:
    return [term for line in read_list(name) for term in _split(line)]


def read_sets(name: str) -> dict[str, frozenset[str]]:
    """The sets of a list whose lines are NAME: WORD, WORD; lines of one name add up."""
    sets: dict[str, frozenset[str]] = {}
    for line in read_list(name):
        key, _, members = line.partition(":")
        sets[key] = sets.get(key, frozenset()) | {spelling.fold(one) for one in _split(members)}
    return sets


def _split(line: str) -> list[str]:
    """Terms between commas; those in the braces of {0,4} do not count."""
    if "{" not in line:  # the pattern looks to the end of the line at each comma
        return [term for term in map(str.strip, line.split(",")) if term]
    return [term.strip() for term in re.split(r",(?![^{}]*\})", line) if term.strip()]


def _choices(word: str) -> list[str]:
    """The words that one word of a term stands for; "" for one that may be left out."""
    if word == GAP or word.startswith("<"):
        return word.split("/")
    found = []
    for one in word.split("/"):
        if one.endswith("?"):
            found += [one[:-1], ""]
        elif "?" in one:
            found += [re.sub(r"\w\?", "", one), one.replace("?", "")]
        else:
            found.append(one)
    return found


def expanded(term: str) -> Iterator[tuple[str, ...]]:
    """Every sequence of words that a folded term stands for."""
    for words in product(*(_choices(word) for word in term.split())):
        kept = tuple(" ".join(words).replace("_", " ").split())
        while kept and kept[-1] == GAP:
            kept = kept[:-1]
        if kept:
            yield kept


GRAMMAR = read_sets("grammar")
ARTICLES, PREPOSITIONS, GLUE, WHOLE, REAL = (
    GRAMMAR[name] for name in ("articles", "prepositions", "glue", "whole", "real")
)


class Lexicon:
    """The compiled terms of several lists: `find` for the words of a text, `find_chinese` for characters."""

    def __init__(self, lists: dict[str, Iterable[str]]):
        self.index: dict[str, list[Rest]] = {}
        self.classes: dict[str, set[str]] = {}
        self.words: set[str] = set()
        self.strong: set[str] = set()
        self.names: set[str] = set()  # the names of people, written together
        fragments: dict[str, list[str]] = {}
        stems = {term[:-1] for name in STRONG for term in lists.get(name, ()) if re.fullmatch(r"\w+\*", term)}
        singles = {word for name in JOINED_LISTS for word in lists.get(name, ()) if word.isalpha()}
        for name, members in read_sets("classes").items():
            self._add_class(f"<{name}>", members)
        for name, terms in lists.items():
            for term in terms:
                if re.search(f"[{CJK}]", term):
                    fragments.setdefault(name, []).append(spelling.fold(term))
                else:
                    self._add(name, spelling.fold(term))
        self._fragments = fragments
        self.chinese = Fragments(fragments)
        self.pieces = {word for word in singles | GLUE if len(word) >= 4} | SHORT_PIECES
        self._by_shape: dict[tuple[int, str], list[str]] = {}
        for word in {*self.strong, *stems, *(w.rstrip("*") for w in self.classes)}:
            if len(word) > 2:
                self._by_shape.setdefault((len(word), word[0]), []).append(word)
        self.misspelt = self._long_words()
        self.letters = sorted(set().union(*self.misspelt))
        self.longest = max(map(len, self.misspelt), default=0)
        self.stem_slips = {
            slip: stem
            for name in ("sexual", "minor")
            for term in map(spelling.fold, lists.get(name, ()))
            if re.fullmatch(r"\w{7,}\*", term)
            for stem in [term[:-1]]
            for slip in _slips_of(stem)
            if slip[-1] == stem[-1] and slip not in REAL
        }
        self.keys = lru_cache(maxsize=20_000)(self._keys)
        self.parts = lru_cache(maxsize=20_000)(self._parts)

    @cached_property
    def fragments(self) -> dict[str, re.Pattern[str]]:
        return {name: re.compile("|".join(found)) for name, found in self._fragments.items()}

    def _add_class(self, name: str, members: Iterable[str]) -> None:
        for member in members:
            for spelt in {member, _without_tilde(member)}:
                self.classes.setdefault(spelt, set()).add(name)
                self.words.add(spelt)

    def _add(self, name: str, term: str) -> None:
        for words in expanded(term.replace("' ", " ").replace("'", " ").replace("-", " ")):
            for spelt in {words, tuple(map(_without_tilde, words))} if "ñ" in term else (words,):
                self.index.setdefault(spelt[0], []).append(_rest(spelt, name))
                self.words.update(spelt)
                if len(spelt) == 1 and name in STRONG and len(spelt[0]) >= 3 and "*" not in spelt[0]:
                    self.strong.add(spelt[0])
            joined = "".join(words)
            if len(words) > 1 and name == PEOPLE and joined.isalpha() and len(joined) > 7:
                self.index.setdefault(joined, []).append(_rest((joined,), name))
                self.strong.add(joined)
                self.names.add(joined)
                self.words.add(joined)

    def _long_words(self) -> set[str]:
        """The words that are found with a typing error too."""
        names = {
            word
            for found in self.index.values()
            for rest, _, name in found
            if name in MISSPELT
            for word in rest
        }
        return {one for one in self.strong | names if len(one) >= 4 and one.isalpha()}

    def _meant(self, slip: str) -> str:
        """The word that this one is with a typing error, the last one of several; "" for none.

        Words of a language that look like one (beast) are in grammar.txt.
        """
        if slip in self.words or len(slip) > self.longest + 1:
            return ""
        near = self.misspelt.intersection(_without_slip(slip, self.letters))
        return max(near - self.strong if slip in REAL else near, default="")

    def _misspelt(self, word: str) -> Iterator[str]:
        """The keys that a word with one typing error stands for: mastrubating is masturbat*."""
        if meant := self._meant(word):
            yield meant
        for at in range(6, len(word) + 1):
            if stem := self.stem_slips.get(word[:at]):
                yield f"{stem}*"

    # ------------------------------------------------------------------------------------------------ words

    def _keys(self, word: str) -> frozenset[str]:
        """What a token can match: its spellings, the stems `word*` and the classes it belongs to."""
        found: set[str] = set()
        for one in spelling.readings(word):
            stems = (f"{one[:at]}*" for at in range(2, len(one) + 1))
            found.update(key for key in (one, *stems) if key in self.words)
        if not found and word not in REAL:
            found.update(one for one in spelling.loose_readings(word) if one in self.strong)
        if word not in REAL and all(key.endswith("*") for key in found):
            found.update(self._misspelt(word))
        found.update(*(self.classes.get(key, ()) for key in list(found)))
        return frozenset(found | {word})

    def read(self, tokens: list[str]) -> list[str]:
        """The words of a text: split ones joined (n u d e, nu-de), joined ones split, wildcards filled."""
        found: list[str] = []
        at = 0
        while at < len(tokens):
            if joined := self._joined(tokens, at):
                words, at = joined
                found.extend(words)
            else:
                found.extend(self.parts(tokens[at]))
                at += 1
        return found

    def _joined(self, tokens: list[str], at: int) -> tuple[tuple[str, ...], int] | None:
        """(words, the next index) when the tokens from `at` on are a word in pieces."""
        text, best, single = tokens[at], None, len(tokens[at]) == 1
        if len(text) > 5 or not text.isalnum():
            return None
        for end in range(at + 1, min(len(tokens), at + PIECES)):
            piece = tokens[end]
            if piece == BREAK and single:
                continue
            single = single and len(piece) == 1
            if piece == BREAK or len(text) + len(piece) > LETTERS or not (single or len(piece) < 7):
                break
            text += piece
            if words := self._word_in_pieces(text, tokens[at : end + 1], single):
                best = (words, end + 1)
            elif not single and end - at >= 3:
                break
        return best

    def _word_in_pieces(self, text: str, pieces: list[str], single: bool) -> tuple[str, ...] | None:
        if single:
            if text.isdigit():
                return (text,) if len(text) == 2 else None
            if len(text) > 2 and text in self.words:
                return (text,)
            known = len(text) > 2 and len(self.keys(text)) > 1
            return self._segments(text) or ((text,) if known else None)
        if text in self.names and self.words.issuperset(pieces):
            return None  # a name in whole words; joined, no harmless phrase would know it
        known = any(one in self.strong for one in spelling.readings(text))
        return (text,) if known and len(text) > 3 and WHOLE.isdisjoint(pieces) else None

    def _parts(self, word: str) -> tuple[str, ...]:
        if "*" in word.strip("*"):
            return self._filled(word)
        known = any(one in self.words for one in spelling.readings(word))
        if len(word) < 7 or known or not word.isalnum():
            return (word,)
        for one in spelling.readings(word):
            if parts := self._segments(one):
                return parts
        return (word,)

    def _filled(self, word: str) -> tuple[str, ...]:
        """n*de as nude; other words with stars are separate words."""
        pattern = re.compile(re.escape(word).replace(r"\*", "[a-z]"))
        shapes = self._by_shape.get((len(word), word[0]), ())
        found = next((one for one in shapes if pattern.fullmatch(one)), None)
        return (found,) if found else tuple(filter(None, word.split("*")))

    def _segments(self, word: str) -> tuple[str, ...] | None:
        """A word as known words without anything left, one of them unmistakable; None if it is not."""
        if len(word) > 40:
            return None
        best: list[tuple[str, ...] | None] = [()] + [None] * len(word)
        for end in range(3, len(word) + 1):
            for start in range(max(0, end - 14), end - 2):
                before = best[start]
                if before is not None and word[start:end] in self.pieces:
                    best[end] = (*before, word[start:end])
        parts = best[-1]
        return parts if parts and len(parts) > 1 and not self.strong.isdisjoint(parts) else None

    def find(self, words: list[str]) -> list[Found]:
        keys = [self.keys(word) for word in words]
        present = frozenset().union(*keys)
        possible = {
            key: [rest for rest in self.index[key] if rest[1] <= present]
            for key in present
            if key in self.index
        }
        found = []
        for at, of_word in enumerate(keys):
            for key in of_word:
                for rest, _, name in possible.get(key, ()):
                    if end := _match(rest, words, keys, at + 1, name == PEOPLE) if rest else at + 1:
                        found.append(Found(name, at, end, " ".join(words[at:end])))
        return found

    def find_chinese(self, text: str) -> list[Found]:
        return list(self.chinese.find(text))


def _slips_of(word: str) -> Iterator[str]:
    """Typing errors: a letter dropped or doubled, or two neighbours swapped."""
    for at in range(1, len(word)):
        if len(word) > 4:
            yield word[:at] + word[at + 1 :]
            yield word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
        yield word[:at] + word[at - 1 :]
    yield word + word[-1]


def _without_slip(slip: str, letters: Iterable[str]) -> Iterator[str]:
    """Every word that has this one among its _slips_of, and others."""
    for at in range(1, len(slip)):
        if slip[at] == slip[at - 1]:
            yield slip[:at] + slip[at + 1 :]
    if len(slip) > 4:
        yield from (slip[: at - 1] + slip[at] + slip[at - 1] + slip[at + 1 :] for at in range(1, len(slip)))
    if len(slip) > 3:
        yield from (slip[:at] + letter + slip[at:] for at in range(1, len(slip) + 1) for letter in letters)


def _rest(words: tuple[str, ...], name: str) -> Rest:
    return words[1:], frozenset(words[1:]) - {GAP}, name


def _without_tilde(word: str) -> str:
    return word.replace("ñ", "n") if len(word) > 4 else word


def _match(
    rest: tuple[str, ...], words: list[str], keys: list[frozenset[str]], at: int, is_name: bool
) -> int:
    """The end of the rest of a term from `at` on, or 0. Articles in the text are skipped."""
    gap = 0
    for wanted in rest:
        if wanted == GAP:
            gap = LONGEST_GAP
            continue
        while True:
            if at >= len(words) or words[at] == BREAK:
                return 0
            if wanted in keys[at]:
                break
            initial = is_name and len(words[at]) == 1 and words[at] not in "yeo"
            if words[at] not in ARTICLES and not initial:
                if not gap or words[at] in PREPOSITIONS:
                    return 0
                gap -= 1
            at += 1
        at, gap = at + 1, 0
    # "beat her drum" is not "beat her".
    her = bool(rest) and rest[-1] == "her" and at < len(words) and words[at] != BREAK
    return 0 if her and words[at] not in PREPOSITIONS else at


def unmasked(found: list[Found]) -> list[Found]:
    """Without harmless phrases, and without the finds that begin inside one or end in the middle of one
    ("without clothes pegs")."""
    terms = [one for one in found if one.name != ALLOWED]
    harmless = [one for one in found if one.name == ALLOWED and not _within(one, terms)]
    inside = {at for one in harmless for at in range(one.start, one.end)}
    onwards = {at for one in harmless for at in range(one.start + 1, one.end)}
    return [one for one in terms if one.start not in inside and one.end not in onwards] if harmless else terms


def _within(phrase: Found, terms: list[Found]) -> bool:
    """Whether a phrase is part of a longer term: the violeta (a colour) of Violeta Parra."""
    length = phrase.end - phrase.start
    return any(
        one.start <= phrase.start and phrase.end <= one.end and length < one.end - one.start for one in terms
    )
