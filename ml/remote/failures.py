"""The failures of services in our codes, each with a sentence that says what to do."""

from __future__ import annotations

import re
from typing import Any

from ml.catalogue import SERVICES
from ml.errors import Away, MLError
from ml.remote.strict import BadJson, parse

SENTENCES = {
    "engine_unpaid": "Our account at {company} has no money left. Try again later, or choose another engine.",
    "engine_key_refused": "{company} refuses our key. Try again later, or choose another engine.",
    "engine_model_gone": "{company} does not offer this model any more. Choose another engine.",
    "engine_busy": "{company} has too many requests now. Try again in some minutes.",
    "engine_away": "{company} cannot be reached now. The work waits and goes on by itself.",
    "engine_failed": "The work failed at {company}. Try again.",
    "result_refused": "{company} does not make or show this. Change the prompt and try again.",
    "result_gone": "The result at {company} was deleted before it could be fetched. Try again.",
    "result_bad": "What came back from {company} is not what was asked for. Try again.",
    "request_lost": "{company} lost the work, or did not finish it in time. Try again.",
    "answer_lost": "{company} gave no answer to whether it took the work. Nothing was sent twice. Try again.",
}
# fal says 403 for both a bad key and an account that ran out of money.
UNPAID = re.compile(
    r"balance|billing|payment|spending|fund|top.?up|credits?\b|exhausted|quota|\bpaid\b", re.IGNORECASE
)
REFUSED = re.compile(r"content.?policy|nsfw|safety|moderat|flagged|prohibited", re.IGNORECASE)
GONE = re.compile(
    r"model_not_available|model_not_found|deprecated|not available|does not exist", re.IGNORECASE
)
MOST_WORDS = 2000  # characters of an answer that are read for these words


def failure(service: str, code: str) -> MLError:
    message = SENTENCES[code].format(company=SERVICES[service].company)
    return (Away if code == "engine_away" else MLError)(code, message)


# What they made and bill, though it cannot be used; what failed there costs nothing.
ENDED = {"result_refused": "refused", "result_bad": "delivered", "result_gone": "delivered"}


def state_of(code: str) -> str:
    """How a request ended, for the journal."""
    return ENDED.get(code, "failed")


def refusal_of(service: str, status: int, body: bytes) -> MLError:
    """What an answer that is no success means. Statuses and bodies: contracts of both services."""
    return failure(service, code_of(status, words_of(body)))


def code_of(status: int, words: str) -> str:
    if status == 402 or (status == 403 and UNPAID.search(words)):
        return "engine_unpaid"
    if status in (401, 403):
        return "engine_key_refused"
    if status == 429:
        return "engine_busy"
    if status in (400, 422) and REFUSED.search(words):
        return "result_refused"
    if status == 404 or (status == 400 and GONE.search(words)):
        return "engine_model_gone"
    return "engine_failed"


def words_of(body: bytes) -> str:
    """Codes and sentences of an error's body, without the input and the names
    of fields that it may repeat: neither is a reason."""
    try:
        said = parse(body)
    except BadJson:
        return body[:MOST_WORDS].decode("utf-8", "replace")
    return " ".join(_words(said))[:MOST_WORDS]


def _words(said: Any) -> list[str]:
    if isinstance(said, str):
        return [said]
    if isinstance(said, list):
        return [word for each in said for word in _words(each)]
    if isinstance(said, dict):
        return [
            word
            for name, each in said.items()
            if name not in ("input", "ctx", "url", "loc")
            for word in _words(each)
        ]
    return []
