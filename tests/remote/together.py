"""A double of Together AI: pictures, with LoRAs that lie at an address it can read; it trains nothing.

`python -m tests.remote.together --quick` prints its address; the API is below /v1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from . import made
from .book import Scenario
from .contract import (
    DEPRECATED,
    TOGETHER_FIELDS,
    TOGETHER_MODELS,
    TOGETHER_NEEDED,
    check_form,
    together_error,
)
from .handle import TogetherDouble
from .people import Artist
from .results import download
from .server import Answer, Asked
from .service import Refused, Service, arguments, artist_of, keys_of, stay
from .shelf import FAULTS, METADATA_SERVICE

KEYS = "together-double-one,together-double-two"
LIVES = 3600  # seconds that a picture's address lives
RUNS = ("black", "private_address", "bomb", "nan", "duplicate", "expired", "answer_lost", "by_address")
LIES = ("by_address", "expired", "private_address")  # answered with an address, whatever was asked for
# Scenario -> status, sentence, type and code of one answer.
SAYS = {
    "bad_key": (401, "Invalid API key provided.", "invalid_request_error", "invalid_api_key"),
    "unpaid": (402, "Spending limit reached.", "invalid_request_error", "spending_limit"),
    "forbidden_key": (403, "This key may not use this model.", "invalid_request_error", None),
    "model_gone": (404, "Unable to access the model.", "invalid_request_error", "model_not_available"),
    "model_deprecated": (400, "The model is deprecated.", "invalid_request_error", "model_not_available"),
    "content_policy": (422, "The prompt was refused.", "invalid_request_error", "content_policy"),
    "unknown_field": (422, "seed: extra fields not permitted", "invalid_request_error", None),
    "busy": (429, "You have reached the rate limit.", "rate_limit", "rate_limit_exceeded"),
    "server_error": (500, "Internal server error.", "server_error", None),
    "away": (503, "The engine is overloaded.", "overloaded_error", None),
    "timeout": (504, "The request timed out.", "timeout_error", None),
}
Row = dict[str, Any]


class Together(Service):
    runs_faults = RUNS

    def __init__(self, keys: tuple[str, ...], artist: Artist, folder: Path | None = None) -> None:
        super().__init__(keys, folder)
        self.artist = artist
        self.routes += [
            ("POST", "/v1/images/generations", self.generate),
            ("GET", "/v1/models", self.models),
            ("GET", r"/files/b/(?P<id>\w+)/[^/]*", self.fetch),
            ("HEAD", r"/files/b/(?P<id>\w+)/[^/]*", self.fetch),
        ]
        self.controls[("POST", "person")] = self.set_person

    def admit(self, asked: Asked) -> str:
        scheme, _, key = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or key not in self.book.keys:
            raise Refused(401, together_error(*SAYS["bad_key"][1:3], code=SAYS["bad_key"][3]))
        return key

    def generate(self, asked: Asked) -> Answer:
        wish = self._wish(asked)
        self.suffer("submit", str(wish.get("model", "")))
        self.admit(asked)
        self._check(wish)
        scenario = self.book.take("run", wish["model"]) or Scenario("", "")
        answer = self.answer_with(wish, self.pictures(wish, scenario), scenario)
        return Answer(silent=True) if scenario.name == "answer_lost" else answer

    def _wish(self, asked: Asked) -> Row:
        try:
            wish = json.loads(asked.body)
        except ValueError:
            wish = None
        if not isinstance(wish, dict):
            self.book.breach("images/generations: the body is no JSON object")
            raise Refused(400, together_error("The body is no JSON object."))
        return wish

    def _check(self, wish: Row) -> None:
        faults = check_form(wish, TOGETHER_FIELDS, TOGETHER_NEEDED)
        for place, said, _ in faults:
            self.book.breach(f"images/generations: {'.'.join(place)}: {said}")
        if faults:
            place, said, _ = faults[0]
            raise Refused(422, together_error(f"{'.'.join(place)}: {said}", param=".".join(place)))
        if wish["model"] == DEPRECATED or wish["model"] not in (*TOGETHER_MODELS, TogetherDouble.LORA_MODEL):
            raise Refused(404, together_error(SAYS["model_gone"][1], code="model_not_available"))
        if wish.get("image_loras") and wish["model"] != TogetherDouble.LORA_MODEL:
            said = f"{wish['model']} takes no LoRA."
            raise Refused(400, together_error(said, param="image_loras"))

    # ---------------------------------------------------------------- pictures

    def pictures(self, wish: Row, scenario: Scenario) -> list[bytes]:
        seed = wish.get("seed", int(uuid.uuid4().hex[:8], 16))
        size = wish.get("width", 1024), wish.get("height", 1024)
        name = [self.fingerprint(each["path"]) for each in wish.get("image_loras", [])] or [""]
        black = made.black(size) if scenario.name == "black" else None
        seeds = range(seed, seed + wish.get("n", 1))
        each = [black or self.artist.paint(name[0], wish["prompt"], one, size) for one in seeds]
        if scenario.name == "bomb":
            return [made.bomb() for _ in each]
        return [made.encode(image, wish.get("output_format", "jpeg")) for image in each]

    def fingerprint(self, path: str) -> str:
        """That of the LoRA at this address. Raises Refused."""
        data = download(path, self.book)
        if data is None:
            raise Refused(400, together_error(f"The LoRA at {path} cannot be read.", param="image_loras"))
        try:
            return made.fingerprint(data)
        except ValueError:
            raise Refused(400, together_error("The LoRA is no safetensors.", param="image_loras")) from None

    def answer_with(self, wish: Row, pictures: list[bytes], scenario: Scenario) -> Answer:
        as_text = wish.get("response_format") == "base64" and scenario.name not in LIES
        kind = wish.get("output_format", "jpeg")
        rows = [
            {"index": i, "type": "b64_json", "b64_json": base64.b64encode(data).decode()}
            if as_text
            else {"index": i, "type": "url", "url": self.url_of(data, kind, scenario)}
            for i, data in enumerate(pictures)
        ]
        body: Row = {"id": uuid.uuid4().hex, "model": wish["model"], "object": "list", "data": rows}
        if scenario.name == "nan":
            body["index"] = float("nan")
        text = json.dumps(body)
        return Answer(200, f'{{"data": [], {text[1:]}' if scenario.name == "duplicate" else text)

    def url_of(self, data: bytes, kind: str, scenario: Scenario) -> str:
        if scenario.name == "private_address":
            return METADATA_SERVICE
        now = self.book.now()
        expires = now if scenario.name == "expired" else now + LIVES
        fault = scenario.name if scenario.name in FAULTS else ""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{kind}"
        stored = self.shelf.put(
            data, name, f"image/{kind}", role="result", expires=expires, made=now, fault=fault
        )
        return self.address + stored.path()

    # ---------------------------------------------------------------- the rest

    def models(self, asked: Asked) -> Answer:
        self.suffer("models")
        self.admit(asked)
        rows = [
            {"id": model, "object": "model", "created": 0, "type": "image"}
            for model in (*TOGETHER_MODELS, TogetherDouble.LORA_MODEL)
        ]
        return Answer(200, rows)

    def unknown(self, asked: Asked) -> Answer:
        super().unknown(asked)
        return Answer(404, together_error(f"Unknown request URL: {asked.method} {asked.path}"))

    def fault(self, scenario: Scenario) -> Answer:
        status, said, kind, code = SAYS[scenario.name]
        wait = scenario.get("retry_after")
        headers = {} if wait is None else {"Retry-After": str(wait), "x-ratelimit-remaining": "0"}
        return Answer(status, together_error(scenario.get("detail", said), kind, code=code), headers)

    def names(self) -> set[str]:
        return super().names() | {*SAYS}

    def set_person(self, asked: Asked) -> Answer:
        """Teaches whose face a LoRA has; the body is a ZIP of photos."""
        self.artist.learn(asked.query["fingerprint"], asked.body, "", lambda share: False)
        return Answer(200, {})

    def reset(self) -> None:
        super().reset()
        self.artist.clear()


def main() -> None:
    args = arguments("together", KEYS).parse_args()
    artist = artist_of(args)
    stay(Together(keys_of(args), artist, args.state).open(args.port), artist, args)


if __name__ == "__main__":
    main()
