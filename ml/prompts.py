"""What a base reads of a prompt: markup removed, style and subject in front, up to the base's last token.

No torch: the web process counts here what the engine will read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml.catalogue import FLUX2, Base
from ml.languages import in_english
from ml.types import ERAS

TRIGGER = "ohwx"  # the word that a twin's LoRA is trained on
STYLE_WORDS = {
    "photorealistic": "photo",
    "cinematic": "cinematic film still",
    "artistic": "oil painting",
    "anime": "anime drawing",
    "vintage": "vintage photo",
    "noir": "film noir",
    "watercolour": "watercolour",
    "fantasy": "fantasy art",
}

# ---------------------------------------------------------------- markup

_ESCAPED = re.compile(r"\\([()\[\]{}\\])")
_TAG = re.compile(r"<\s*(?:lora|lyco|hypernet|embedding)\s*:[^<>]*>", re.IGNORECASE)
_NUMBER = r"[-+]?(?:\d(?:\.\d*)?|\.\d+)"  # a weight is below 10, so the time in "(at 10:30)" stays
_WEIGHT = re.compile(rf"\s*[:：]\s*{_NUMBER}\s*(?=[)\]}}）】])")
_AFTER = re.compile(rf"(?<=[)\]}}）】])(?:[+-]+|{_NUMBER}(?=[\s,.;，。、]|$))")
_PLUSES = re.compile(r"(?<=[^\W\d_])\+{2,}(?!\w)")
_BRACKETS = re.compile(r"[()\[\]{}（）【】]")
_HELD = {c: chr(0xE000 + i) for i, c in enumerate("()[]{}\\")}  # stands for an escaped character meanwhile
_FREED = {held: c for c, held in _HELD.items()}


def without_markup(prompt: str) -> str:
    """The prompt without the markup of other programs, which the text encoders would read as words.

    "(smiling:1.3), in a ((park)), a [red dress]" -> "smiling, in a park, a red dress". A bracket becomes a
    space, so that no two halves of a word are joined. Escaped brackets, as in "\\(", stay as text.
    """
    text = _ESCAPED.sub(lambda found: _HELD[found[1]], prompt)
    plain = _TAG.sub(" ", text)
    for pattern in (_WEIGHT, _AFTER, _PLUSES, _BRACKETS):
        plain = pattern.sub(" ", plain)
    if plain != text:
        plain = re.sub(r"[ \t]+", " ", plain)
        plain = re.sub(r"\s+([,.;:!?，。；：！？、])|(?<=[，。；：！？、]) ", r"\1", plain).strip(" ,")
    return "".join(_FREED.get(c, c) for c in plain)


def compose(prompt: str, style: str, subject: str, *, twin: bool, era: str = "") -> str:
    """The base's prompt: the style's words, the subject (with the trigger for a twin), the era's words, then
    the user's prompt without markup. What is chosen stands in front, where no base stops reading."""
    who = f"{TRIGGER} {subject}" if twin else f"a {subject}"
    when = f" {era_words(era)}" if era else ""
    return f"{STYLE_WORDS[style]} of {who}{when}, {without_markup(prompt).strip()}"


def in_words_of(base: Base, prompt: str) -> str:
    """The prompt without markup, in a language that the base knows: the built-in one knows English alone."""
    text = without_markup(prompt)
    return text if base.photorealistic else in_english(text)


def era_words(era: str) -> str:
    return f"in the {era}, with the clothes and hair of the {era}"


def known_eras(base: Base) -> tuple[str, ...]:
    """The eras whose words a base knows. One that never saw them would make a picture of any time."""
    return tuple(era for era in ERAS if not unknown_words(base, era_words(era)))


# ---------------------------------------------------------------- length

AROUND = 16  # tokens of the longest frame around a prompt, FLUX.2's chat template


def read_until(base: Base, prompt: str, *, style: str, subject: str, twin: bool, era: str = "") -> int | None:
    """How many characters of the prompt the base reads, up to the end of a word; None when it reads all."""

    def fits(begun: str) -> bool:
        text = compose(in_words_of(base, begun), style, subject, twin=twin, era=era)
        return count_tokens(base, text) <= base.tokens

    return _last_that_fits(prompt, fits)


def negative_read_until(base: Base, negative: str) -> int | None:
    """The same for the negative prompt: 0 when the base reads none."""
    if not negative.strip():
        return None
    if base.true_cfg <= 1:
        return 0
    return _last_that_fits(
        negative, lambda begun: count_tokens(base, in_words_of(base, begun)) <= base.tokens
    )


def _last_that_fits(text: str, fits: Callable[[str], bool]) -> int | None:
    """Bisects the ends of the words: a longer beginning of the text never has fewer tokens."""
    if fits(text):
        return None
    ends = [0, *(match.end() for match in re.finditer(r"[^\s⺀-鿿]+|[⺀-鿿]", text))]
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(text[: ends[middle]]) else (low, middle - 1)
    return ends[low]


def count_tokens(base: Base, text: str) -> int:
    """Tokens of a text, with those around it. Counted by the base's own tokenizer where its files are on this
    machine. Else an estimate that is rather too high: a token for two letters of a word, for each other
    character, and for each byte outside ASCII."""
    text = text.lower() if base.lowercase else text
    if tokenizer := _tokenizer(base):
        around = AROUND if base.layout is FLUX2 else 0  # T5's end token is counted
        return around + len(tokenizer.encode(text).ids)
    return AROUND + sum(map(_estimate, text.split()))


def unknown_words(base: Base, text: str) -> tuple[str, ...]:
    """The words that a base never saw in its training: its tokenizer spells them in pieces. Always () for
    bases that were trained on the whole language, and where the tokenizer's file is not on this machine."""
    tokenizer = None if base.photorealistic else _tokenizer(base)
    if tokenizer is None:
        return ()
    words = dict.fromkeys(re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower() if base.lowercase else text))
    return tuple(word for word in words if len(tokenizer.encode(word).ids) > 2)  # the word and the end


def _estimate(word: str) -> int:
    letters = re.findall(r"[A-Za-z]+", word)
    others = len(word.encode()) - sum(map(len, letters))
    return others + sum(1 + math.ceil(len(run) / 2) for run in letters)


def _tokenizer(base: Base) -> Any:
    """That of the text encoder that reads the whole prompt; None when its file is not here."""
    folder = base.layout.encoders[-1].replace("text_encoder", "tokenizer")
    file = Path(base.source) / folder / "tokenizer.json"
    return _load(file) if file.is_file() else None


@lru_cache
def _load(file: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
