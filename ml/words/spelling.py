"""Undoes disguises of words: markup, look-alike letters, signs for letters, traditional characters."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

BREAK = ","  # the token of punctuation: no phrase goes across it
CJK = "\u3400-\u9fff\uf900-\ufaff"

CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx")  # before casefold: small ν looks like v
LOOKALIKES = str.maketrans(
    "абвгеикмнопрстухѕіјһԁԛԝѵүԍцгґ" + "αβγεηικνορτυχωσμ" + "ıłøđɑɡ×ʀᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘᴛᴜᴠᴡʏᴢ",
    "abbreukmhonpctyxsijhdqwvygurr" + "abyenikvoptuxwou" + "ilodagxrabcdeghijklmnoptuvwyz",
) | {first + at: chr(97 + at) for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for at in range(26)}
LOOKALIKES |= str.maketrans("ոսԁеհօցәǝɐɹɯʇʌʎɥʞɔıƃᥙᥒ", "nudehogeearmtvyhkcigun")
PICTURES = str.maketrans(
    {"🔞": " nsfw ", "👶": " baby ", "🧒": " child ", "👧": " child ", "👦": " child ", "👙": " bikini "}
)
BLANKS = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"))  # invisible, but not spaces to Unicode
SIGNS = str.maketrans("034578@$€¢£!", "oeastbasecli")
TRADITIONAL = {
    ord(pair[0]): pair[1]
    for line in (Path(__file__).parent / "traditional.txt").read_text("utf-8").split()
    for pair in re.findall("..", line)
}

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]+")
FIRST, LAST = PICTURES | CAPITALS | BLANKS, LOOKALIKES | TRADITIONAL

WEIGHT = re.compile(r"::?\s*-?(?:[0-3]?\.\d+|[0-3](?=\s*[)\]}>]))|::-?\d+|(?<=\))\d?\.\d+|<lora:[^>]*>")
DECIMALS = re.compile(r"(?<=\d)[.,]\d+")
POSSESSIVE = re.compile(r"(?<=\w)['’`´](?:s|re)?\b")
WORD = re.compile(rf"[{CJK}]+|(?:(?![{CJK}_])\w|[@$€¢£!*])+|[,.;:?。、…](?=\s|$)|[。、\n|]")
NEGATED = re.compile(r"\(([^()]*):\s*-\s*\d*\.?\d+\s*\)")


def without_negated(text: str) -> tuple[str, str]:
    """(the text without chunks of negative weight, those chunks): `(hat:-1)` asks for the opposite."""
    return NEGATED.sub(" ", text), ", ".join(NEGATED.findall(text))


def fold(text: str) -> str:
    """Lower case without accents, look-alikes as Latin letters, traditional characters as simplified.

    ñ stays: año must not become ano (anus).
    """
    if text.isascii():
        return CONTROL.sub("", text.lower())
    text = unicodedata.normalize("NFKC", text).translate(FIRST).casefold()
    text = unicodedata.normalize("NFKD", text)
    kept = [
        char
        for at, char in enumerate(text)
        if char.isascii() or not _ignorable(char) or text[at - 1 : at + 1] == "n\u0303"
    ]
    return CONTROL.sub("", unicodedata.normalize("NFC", "".join(kept))).translate(LAST)


def _ignorable(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc")


def tokens(folded: str) -> list[str]:
    """The words of folded text; a run of Chinese characters is one. BREAK stands for punctuation."""
    plain = DECIMALS.sub("", WEIGHT.sub(" ", POSSESSIVE.sub("", folded)))
    found: list[str] = []
    for word in WORD.findall(plain):
        if any(c.isalnum() for c in word):
            bare = word.rstrip("!")
            found.extend(bare.split("*") if re.fullmatch(r"(?:\w?\*)+\w?", bare) else [bare])
            found.extend([BREAK] if bare != word else [])
        elif word == "." and found and len(found[-1]) == 1:
            continue  # J. K. Rowling
        elif word[-1] in ",.;:?!。、…\n|":
            found.append(BREAK)
    return [word for word in found if word]


def chinese(folded: str) -> str:
    """The text for Chinese terms: a line break stands for punctuation, split words are joined."""
    if not re.search(f"[{CJK}]", folded):
        return ""
    text = re.sub(r"[,.;:!?。、…\n|]+", "\n", WEIGHT.sub(" ", folded))
    text = re.sub(rf"(?<=[{CJK}])[·・•‧](?=[{CJK}])", "", text)  # 泰勒·斯威夫特
    text = re.sub(r"[^\w\n]+|_+", " ", text)
    # One character alone belongs to its neighbour: 裸 体, 裸。体.
    text = re.sub(rf"(?<![{CJK}])([{CJK}])[ \n]+(?=[{CJK}])", r"\1", text)
    text = re.sub(rf"(?<=[{CJK}])[ \n]+(?=[{CJK}](?![{CJK}]))", "", text)
    joined = re.sub(rf"(?<=[{CJK}])[ \n]?[a-z0-9][ \n]?(?=[{CJK}])", "", text)  # 色x情
    return text if joined == text else f"{text}\n{joined}"


@lru_cache(maxsize=20_000)
def readings(word: str) -> tuple[str, ...]:
    """What a token may stand for, itself first: n4k3d, nuuude, luo3ti3."""
    found = [word]
    if not word.isalpha() and any(char.isalpha() for char in word):
        found += [word.translate(SIGNS | {ord("1"): one}) for one in "il"]
        found.append(re.sub(r"[\d!]", "", word))
    found += [re.sub(r"(.)\1{2,}", again, one) for one in found for again in (r"\1", r"\1\1")]
    found += [one.replace("ñ", "n") for one in found if "ñ" in one]
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=20_000)
def loose_readings(word: str) -> tuple[str, ...]:
    """Weaker guesses, for unmistakable words only: nakedd, nvde, phuck."""
    plain = [one for one in readings(word) if len(one) >= 4]
    found = [re.sub(r"(.)\1", r"\1", one) for one in plain if len(one) >= 6]
    found += [one.replace("v", "u") for one in plain] + [one.replace("vv", "w") for one in plain]
    found += [one.replace("ph", "f") for one in plain] + [one.replace("z", "s") for one in plain]
    found += [f"s{word[1:]}"] if word.startswith("c") else []  # Cyrillic es is an s to the ear
    return tuple(one for one in dict.fromkeys(found) if one not in plain)
