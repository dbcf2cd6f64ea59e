"""Content rules: `screen` checks prompts, `screen_picture` checks pictures.

Prompts are compared with lists of terms after common obfuscations are removed (`disguises_removed`).
A separate long-running process, `ml.nudity`, judges the pictures.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from ml.errors import MLError
from ml.wordlists import (
    AGES,
    CHILD,
    HATE,
    INNOCENT,
    PEOPLE,
    SELF_HARM,
    SEXUAL,
    SUGGESTIVE,
    UNDRESS,
    VIOLENCE,
    YOUTH,
    Terms,
)

MAX_PROMPT = 1_000  # characters


@dataclass(frozen=True)
class Rules:
    """The lists that a prompt is checked against. Staff edit them: `replace(DEFAULT_RULES, people=...)`.

    `allow_sexual` disables only the sexual list: minors, undressing and known people stay refused.
    """

    sexual: Terms = SEXUAL
    suggestive: Terms = SUGGESTIVE  # allowed, but never together with a child
    child: Terms = CHILD
    youth: Terms = YOUTH
    undress: Terms = UNDRESS
    violence: Terms = VIOLENCE
    hate: Terms = HATE
    self_harm: Terms = SELF_HARM
    people: Terms = PEOPLE
    innocent: Terms = INNOCENT
    allow_sexual: bool = False


DEFAULT_RULES = Rules()


@dataclass(frozen=True)
class Verdict:
    """`code` is "" when allowed. `category` is the list that matched, `term` the words that matched."""

    allowed: bool
    code: str = ""
    category: str = ""
    term: str = ""
    message: str = ""


MESSAGES = {
    "empty": "The prompt is empty. Describe the picture in a few words.",
    "too_long": f"This prompt is too long. Shorten it to {MAX_PROMPT:,} characters.",
    "minor": "Children never appear in adult pictures here. Remove what is sexual or the mention of a child.",
    "known_person": "Pictures of well-known people are not made here. Remove the name and describe yourself.",
    "undress": "Nobody is undressed here. Describe what the person wears instead.",
    "sexual": "Sexual content and nudity are not allowed here. Describe the picture without them.",
    "violence": "Violence against people is not allowed here. Describe the picture without it.",
    "hate": "Hateful words and symbols are not allowed here. Describe the picture without them.",
    "self_harm": "Pictures of self-harm are not made here. If you feel like hurting yourself, please talk to somebody you trust or call a helpline.",  # noqa: E501
}
# Each list's code. A prompt that breaks several rules gets the first code in this order.
CODES = {
    "people": "known_person",
    "undress": "undress",
    "sexual": "sexual",
    "self_harm": "self_harm",
    "violence": "violence",
    "hate": "hate",
}


def screen(text: str, rules: Rules = DEFAULT_RULES) -> Verdict:
    """Whether a prompt is allowed. English, Spanish, simplified Chinese; pure, takes a few milliseconds."""
    if len(text) > MAX_PROMPT:
        return _refused("too_long")
    forms = list(disguises_removed(text))
    if not forms[0].strip():
        return _refused("empty")
    patterns = _compile(rules)
    forms = [patterns["innocent"].sub("\n", form) for form in forms]
    found = {
        name: match[0].strip() for name, pattern in patterns.items() if (match := _first(pattern, forms))
    }
    if minor := _minor(found):
        return _refused("minor", *minor)
    for name, code in CODES.items():
        if name in found and not (name == "sexual" and rules.allow_sexual):
            return _refused(code, name, found[name])
    return Verdict(True)


def refuse_prompt(prompt: str, negative: str = "", rules: Rules = DEFAULT_RULES) -> None:
    """MLError `prompt_refused` unless both are allowed: a negative prompt also steers the picture."""
    for text in (prompt, negative) if negative.strip() else (prompt,):
        verdict = screen(text, rules)
        if not verdict.allowed:
            raise MLError("prompt_refused", verdict.message)


def _refused(code: str, category: str = "", term: str = "") -> Verdict:
    return Verdict(False, code, category, term, MESSAGES[code])


def _first(pattern: re.Pattern[str], forms: list[str]) -> re.Match[str] | None:
    return next((match for form in forms if (match := pattern.search(form))), None)


def _minor(found: dict[str, str]) -> tuple[str, str] | None:
    """(list, words) for a child with sexual or suggestive terms, or girl or boy with explicit terms."""
    explicit = found.get("sexual") or found.get("undress")
    adult = explicit or found.get("suggestive")
    if "child" in found and adult:
        return "child", f"{found['child']} + {adult}"
    if "youth" in found and explicit:
        return "youth", f"{found['youth']} + {explicit}"
    return None


# --- removing obfuscations ----------------------------------------------------------------------------------

CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx")  # before casefold: small ν looks like v
LOOKALIKES = str.maketrans(
    "абвгеикмнопрстухѕіјһԁԛԝѵү" + "αβγεηικνορτυχωσμ" + "ıłøđɑɡ×ʀᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘᴛᴜᴠᴡʏᴢ",
    "abbreukmhonpctyxsijhdqwvy" + "abyenikvoptuxwou" + "ilodagxrabcdeghijklmnoptuvwyz",
) | {first + at: chr(97 + at) for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for at in range(26)}
LEET = str.maketrans("034578@$!|", "oeastbasil")
BLANKS = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"))  # invisible, but not spaces to Unicode
CJK = "\u3400-\u9fff\uf900-\ufaff"


def disguises_removed(text: str) -> Iterator[str]:
    """Forms of the text to search, the least changed first. One space separates the words of each form."""
    folded = _fold(text)
    for form in dict.fromkeys((folded, _unleet(folded, "i"), _unleet(folded, "l"))):
        yield _words(form)
        yield _words(_join_letters(form))


def _fold(text: str) -> str:
    """Lower case without accents, look-alikes as Latin letters. ñ stays: año must not become ano (anus)."""
    text = unicodedata.normalize("NFKC", text).translate(CAPITALS).casefold().translate(BLANKS)
    text = unicodedata.normalize("NFKD", text)
    kept = []
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        if category == "Mn" and not (char == "\u0303" and text[at - 1] == "n"):
            continue
        if category == "Cf" or (category == "Cc" and not char.isspace()):
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(LOOKALIKES)


def _unleet(text: str, one: str) -> str:
    """Replaces digits and signs inside words by the letters they imitate; 1 by `one`. Numbers stay."""
    table = LEET | {ord("1"): one}

    def swap(word: re.Match[str]) -> str:
        body = word[0].rstrip("!|")
        return body.translate(table) if any(char.isalpha() for char in body) else word[0]

    return re.sub(r"[\w@$!|]+", swap, text)


def _join_letters(text: str) -> str:
    """n.u.d.e, nu-de and n u d e become nude; a double space still separates words."""
    text = re.sub(r"(?<=\w)(?:[^\w\s]|_)+(?=\w)", "", text)
    return re.sub(r"(?<!\w)\w(?:\s\w(?!\w)){2,}", lambda run: "".join(run[0].split()), text)


def _words(text: str) -> str:
    text = re.sub(rf"(?<=[{CJK}])[\W_]+(?=[{CJK}])", "", text)
    text = re.sub(rf"(?<=[{CJK}])(?=[^\W{CJK}])|(?<=[^\W{CJK}])(?=[{CJK}])", " ", text)  # 一个nude女孩
    return re.sub(r"[\W_]+", " ", text)


# --- terms as patterns --------------------------------------------------------------------------------------


def is_term(text: str) -> bool:
    """Whether folding leaves a letter or digit. Signs and invisible characters alone are no term."""
    return bool(re.search(r"\w", _fold(text)))


@lru_cache(maxsize=8)
def _compile(rules: Rules) -> dict[str, re.Pattern[str]]:
    """One pattern for each list."""
    patterns = {}
    for name, value in vars(rules).items():
        if isinstance(value, tuple):
            found = [_alternatives(value, is_name=name == "people"), *(AGES if name == "child" else ())]
            patterns[name] = re.compile("|".join(found))
    return patterns


def _alternatives(value: Terms, *, is_name: bool) -> str:
    """A list's terms grouped by first letter, so that the search skips most positions quickly."""
    by_letter: dict[str, list[str]] = {}
    for term in filter(is_term, map(_fold, value)):
        by_letter.setdefault(term[0], []).append(_pattern(term, is_name))
    by_letter = {"[nñ]" if letter == "n" else re.escape(letter): found for letter, found in by_letter.items()}
    groups = [f"(?={letter})(?:{'|'.join(found)})" for letter, found in by_letter.items()]
    return "|".join(groups) or r"(?!)"  # an empty list matches nothing


def _pattern(term: str, is_name: bool) -> str:
    """A folded term as a regular expression over the forms of `disguises_removed`."""
    if re.search(f"[{CJK}]", term):
        return r"[^\n]{0,4}?".join(re.escape(_words(part)) for part in term.split("..."))
    between = "(?: (?:[a-xz] )?|)" if is_name else " ?"  # "donald j trump", "donaldtrump", not "ana y"
    gap = r" (?:(?!from |off |on |in |with |de |del )\w+ ){0,3}?"
    parts = [between.join(map(_word, re.findall(r"\w+\*?", part))) for part in term.split("...")]
    return rf"\b{gap.join(parts)}\b"


def _word(word: str) -> str:
    """Matches letters repeated three times or more (nuuude). A doubled letter is another word (penne)."""
    stem = word.rstrip("*")
    out = ""
    for run in re.finditer(r"(.)\1*", stem):
        letter, count = run[1], len(run[0])
        letter = "[nñ]" if letter == "n" and len(stem) > 3 else letter
        out += f"{letter}(?:{letter}{{2,}})?" if count == 1 else f"{letter}{{{count},}}"
    return out + (r"\w*" if word.endswith("*") else "")


# --- pictures -----------------------------------------------------------------------------------------------

PICTURE_SECONDS = 20.0  # for one picture, including the program's start
HEADER = struct.Struct(">II")  # height, width; then H*W*3 bytes of RGB
LENGTH = struct.Struct(">I")  # of the answer, JSON: engine, label, score, unsafe
MAX_ANSWER = 10_000


@dataclass(frozen=True)
class PictureVerdict:
    """`label` is the worst content found ("" for none), `score` the engine's confidence in it, 0..1."""

    safe: bool
    score: float
    label: str
    engine: str


def detector_command(classifier: str | None = None) -> list[str]:
    """The command for nudenet's detector, or for the transformers classifier in a directory."""
    command = [sys.executable, "-m", "ml.nudity"]
    return [*command, "--classifier", classifier] if classifier else command


class Detector:
    """The detector process. The first picture starts it; it keeps running and is restarted if it died."""

    def __init__(self, command: list[str], *, seconds: float = PICTURE_SECONDS):
        self.command = command
        self.seconds = seconds
        self.lock = threading.Lock()
        self.program: subprocess.Popen[bytes] | None = None

    def judge(self, picture: np.ndarray) -> PictureVerdict:
        """The program's verdict on (H, W, 3) uint8 RGB. Raises OSError or ValueError on any failure."""
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError("a picture is (H, W, 3) uint8 RGB")
        message = HEADER.pack(*picture.shape[:2]) + picture.tobytes()
        end = time.monotonic() + self.seconds
        with self.lock:
            try:
                return self._ask(message, end)
            except (OSError, ValueError):  # the program died: restart it and retry in the remaining time
                self._stop()
            try:
                return self._ask(message, end)
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        with self.lock:
            self._stop()

    def _ask(self, message: bytes, end: float) -> PictureVerdict:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the program took too long")
        program = self.program = self.program or self._start()
        assert program.stdin
        assert program.stdout
        clock = threading.Timer(left, program.kill)  # ends a read or write that hangs
        clock.start()
        try:
            program.stdin.write(message)
            program.stdin.flush()
            (length,) = LENGTH.unpack(_read(program.stdout, LENGTH.size))
            said = json.loads(_read(program.stdout, min(length, MAX_ANSWER)))
            return PictureVerdict(not said["unsafe"], float(said["score"]), said["label"], said["engine"])
        except (KeyError, TypeError) as error:
            raise ValueError("the program answered something else") from error
        finally:
            clock.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).parent.parent  # where `-m ml.nudity` is found
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        # Its own session: Ctrl-C must reach only the parent, which then stops the program.
        return subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, cwd=root, env=environment, start_new_session=True
        )

    def _stop(self) -> None:
        program, self.program = self.program, None
        if not program:
            return
        program.kill()
        with contextlib.suppress(OSError):  # communicate() flushes input that a dead program cannot read
            program.communicate()


def _read(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise OSError("the program ended")
    return data


_detector = Detector(detector_command())


def use_detector(detector: Detector) -> None:
    """Replaces the detector: `use_detector(Detector(detector_command("/models/nsfw")))`."""
    global _detector
    _detector, old = detector, _detector
    old.close()


def screen_picture(picture: np.ndarray, *, allow_nudity: bool = False) -> PictureVerdict:
    """Whether (H, W, 3) uint8 RGB may be shown. Fails closed: on errors, unsafe with "unavailable"."""
    try:
        verdict = _detector.judge(picture)
    except Exception:
        return PictureVerdict(False, 1.0, "unavailable", "none")
    return replace(verdict, safe=verdict.safe or allow_nudity)


def _after_fork() -> None:
    """Gives a forked worker (Celery) its own detector: two processes on one pipe would mix up pictures."""
    global _detector
    _detector = Detector(_detector.command, seconds=_detector.seconds)


atexit.register(lambda: _detector.close())
os.register_at_fork(after_in_child=_after_fork)
