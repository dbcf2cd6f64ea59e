"""Ordinary words of English and Spanish, to tell surnames from them: `knows`.

vocabulary.bloom is a Bloom filter of 327,000 words: American and British English of SCOWL (permissive
licence) and Spanish of an-array-of-spanish-words (MIT), without most conjugated forms. About one other word
in forty-five passes for one of them. `python -m ml.words.vocabulary FILE...` writes it from files with a word
a line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from ml.words import spelling
from ml.words.once import once

PATH = Path(__file__).parent / "vocabulary.bloom"
BITS_A_WORD, HASHES = 8, 5


def knows(word: str) -> bool:
    """Whether a word in small letters without accents is likely an ordinary one.

    ^ before it asks for words of English that are written with a capital letter: ^viking.
    """
    bits = _bits()
    return all(bits[at // 8] >> at % 8 & 1 for at in _places(word, len(bits) * 8))


@once
def _bits() -> bytes:
    return PATH.read_bytes()


def _places(word: str, size: int) -> Iterator[int]:
    digest = blake2b(word.encode(), digest_size=4 * HASHES).digest()
    for at in range(0, len(digest), 4):
        yield int.from_bytes(digest[at : at + 4], "little") % size


def write(words: set[str]) -> None:
    bits = bytearray(len(words) * BITS_A_WORD // 8)
    for word in words:
        for at in _places(word, len(bits) * 8):
            bits[at // 8] |= 1 << at % 8
    PATH.write_bytes(bits)


if __name__ == "__main__":
    lines = [line for path in sys.argv[1:] for line in Path(path).read_text("utf-8").splitlines()]
    write({spelling.fold(line.strip()).replace("ñ", "n") for line in lines})
