"""Together's images API over HTTP: one picture for one request, which waits for it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from ml.remote.failures import failure, refusal_of
from ml.remote.http import MOST_PICTURE, Answer, Http, NotSent, Unanswered
from ml.remote.keys import Keys, name_of
from ml.remote.settings import Remote
from ml.remote.waits import Patience

SERVICE = "together"
MOST_ANSWER = MOST_PICTURE * 4 // 3 + 100_000  # bytes: base64 in JSON
AGAIN = (429, 503)  # nothing was made: they say when to come again


def auth(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Together:
    """Thread-safe."""

    def __init__(self, remote: Remote, *, http: Http | None = None, keys: Keys | None = None):
        self.remote, self.http, self.keys = remote, http or Http(remote), keys or Keys(remote)

    def generate(self, body: Mapping[str, Any], pause: Callable[[float], None]) -> bytes:
        """The picture's bytes as they came. `pause` waits so many seconds where they ask for it.

        Raises NotSent, Unanswered; MLError."""
        answer = self._generate(body, Patience(pause))
        rows = answer.fields.get("data")
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        if isinstance(row.get("b64_json"), str):
            return self._decoded(row["b64_json"])
        if isinstance(row.get("url"), str):
            return self.http.fetch(row["url"], MOST_PICTURE)
        raise failure(SERVICE, "result_bad")

    def _generate(self, body: Mapping[str, Any], patience: Patience) -> Answer:
        url = f"{self.remote.api}/images/generations"
        for name, key in self.keys.usable():
            answer = self.http.send("POST", url, headers=auth(key), body=body, most=MOST_ANSWER)
            while answer.status in AGAIN and patience.wait(answer):
                answer = self.http.send("POST", url, headers=auth(key), body=body, most=MOST_ANSWER)
            if answer.status == 200:
                return answer
            if answer.status == 503:
                raise NotSent("503")
            error = refusal_of(SERVICE, answer.status, answer.body)
            if error.code != "engine_key_refused":
                raise error
            self.keys.refuse(name, f"HTTP {answer.status}")
        raise failure(SERVICE, "engine_key_refused")

    def _decoded(self, text: str) -> bytes:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if not 0 < len(data) <= MOST_PICTURE:
            raise failure(SERVICE, "result_bad")
        return data

    def check_key(self, key: str) -> str:
        """Empty when the key works, else a code of ours: asks for the list of models, which costs nothing.
        MLError `engine_away` when it cannot be reached."""
        try:
            answer = self.http.read(f"{self.remote.api}/models", headers=auth(key))
        except NotSent as e:
            raise failure(SERVICE, "engine_away") from e
        except Unanswered:  # a list longer than we read
            return ""
        return "" if answer.status == 200 else refusal_of(SERVICE, answer.status, answer.body).code

    def name_of(self, key: str) -> str:
        return name_of(key)
