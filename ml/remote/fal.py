"""fal's queue and storage over HTTP: submit, status, result, cancel, upload, check a key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from ml.errors import MLError
from ml.remote.failures import failure, refusal_of
from ml.remote.http import RESULT_SECONDS, WHOLE_SECONDS, Answer, Http, NotSent, Unanswered
from ml.remote.keys import Keys, name_of
from ml.remote.settings import Remote, is_header
from ml.remote.strict import is_address, is_id
from ml.types import Request

SERVICE = "fal"
MOST_URL = 500  # characters of an address of a request, or of a file there
NOT_FINISHED = 400  # of a result that was asked for too early
REFUSED_KEY = (401, 403)
# Answers to a submit after which it may run all the same.
DOUBTFUL = (408, 500, 502, 504)
MOST_AHEAD = 1_000_000  # requests in their queue before ours; more are not believed
# A larger file goes in parts. One part at a time is copied, so that sending needs little more than the file.
AT_ONCE, PART = 90 << 20, 10 << 20  # bytes
PARTS_SECONDS = 1800.0  # for all parts together
REACHED = "x-fal-request-id"  # it stands in answers of their queue; a gateway before it does not know it


@dataclass(frozen=True)
class Status:
    """`state`: "waiting" in their queue, "running", "done" (also when it failed: `error`), or "unknown" to
    them. `place`: in their queue; 0 when nobody is before us, or
    when it is not told."""

    state: str
    error: str = ""
    place: int = 0


def auth(key: str) -> dict[str, str]:
    return {"Authorization": f"Key {key}"}


def lifecycle(seconds: int, acl: str = "") -> str:
    """How long an object lives there, and who may read it beside our own account: "hide", "forbid"."""
    wish: dict[str, Any] = {"expiration_duration_seconds": seconds}
    return json.dumps(wish | ({"initial_acl": {"default": acl}} if acl else {}), separators=(",", ":"))


class Fal:
    """Thread-safe."""

    def __init__(self, remote: Remote, *, http: Http | None = None, keys: Keys | None = None):
        self.remote, self.http, self.keys = remote, http or Http(remote), keys or Keys(remote)

    # ---------------------------------------------------------------- the queue

    def submit(
        self, request: Request, body: Mapping[str, Any], *, webhook: str = "", headers: Mapping[str, str]
    ) -> Request:
        """Sends the request once: the request with their id, addresses and the key's name.

        Raises NotSent; Unanswered when it may run there all the same; Busy; MLError when they refused it."""
        hook = f"?fal_webhook={quote(webhook, safe='')}" if webhook else ""
        for name, key in self.keys.usable():
            answer = self._submit_at(f"/{request.model}{hook}", {**auth(key), **headers}, body)
            if answer.status == 200:
                return self._accepted(replace(request, key=name), answer)
            error = self._refusal(name, answer)
            if error.code != "engine_key_refused":
                raise error
        raise failure(SERVICE, "engine_key_refused")

    def _submit_at(self, path: str, headers: Mapping[str, str], body: Any) -> Answer:
        """At the first of their hosts that can be reached."""
        error = NotSent()
        for host in self.remote.queues:
            try:
                answer = self.http.send("POST", host + path, headers=headers, body=body)
            except NotSent as e:
                error = e
                continue
            if answer.status in DOUBTFUL:
                raise Unanswered(str(answer.status))
            if answer.status == 503:
                raise Unanswered("503") if REACHED in answer.headers else NotSent("503")
            return answer
        raise error

    def _accepted(self, request: Request, answer: Answer) -> Request:
        """Raises Unanswered when a 200 says no id: it may be running."""
        said = answer.fields
        ident = said.get("request_id")
        if not is_id(ident):
            raise Unanswered("no request_id")
        own = self.urls_of(request.model, ident)
        told = (said.get(name) for name in ("status_url", "response_url", "cancel_url"))
        urls = [self.at_ours(url) if is_address(url, MOST_URL) else mine for url, mine in zip(told, own)]
        return replace(request, request_id=ident, urls=(urls[0], urls[1], urls[2]))

    def urls_of(self, model: str, ident: str) -> tuple[str, str, str]:
        """The addresses of a request by their documentation: owner and app alone, without the rest."""
        base = f"{self.remote.url}/{'/'.join(model.split('/')[:2])}/requests/{ident}"
        return f"{base}/status", base, f"{base}/cancel"

    def at_ours(self, url: str) -> str:
        """The same path at the service's own host: our key goes nowhere else."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" in self.remote.queues:
            return url
        return f"{self.remote.url}{parts.path}"

    def status(self, request: Request) -> Status:
        """Raises NotSent, Unanswered, MLError."""
        answer = self._ask("GET", self.at_ours(request.urls[0]) + "?logs=0", request)
        said = answer.fields
        if answer.status == 404:
            return Status("unknown")
        state = STATES.get(str(said.get("status")))
        if answer.status not in (200, 202) or state is None:
            raise Unanswered(f"status {answer.status}")
        error = f"{said.get('error_type') or ''} {said.get('error') or ''}".strip()
        ahead = said.get("queue_position")
        place = ahead + 1 if state == "waiting" and type(ahead) is int and 0 < ahead < MOST_AHEAD else 0
        return Status(state, error, place)

    def result(self, request: Request) -> Answer:
        """The answer as it is. Raises NotSent, Unanswered, MLError."""
        return self._ask("GET", self.at_ours(request.urls[1]), request)

    def cancel(self, request: Request) -> str:
        """ "requested", "ended" (it was too late) or "unknown". Raises NotSent, Unanswered, MLError."""
        answer = self._ask("PUT", self.at_ours(request.urls[2]), request)
        if answer.status in (200, 202):
            return "requested"
        if answer.status in (400, 404):
            return "ended" if answer.status == 400 else "unknown"
        raise Unanswered(str(answer.status))

    def _ask(self, method: str, url: str, request: Request) -> Answer:
        """With the key that it was sent with, or else another of ours."""
        for name, key in self.keys.usable(request.key):
            if method == "GET":
                answer = self.http.read(url, headers=auth(key))
            else:
                answer = self.http.send(method, url, headers=auth(key))
            if answer.status != 401:
                return answer
            self._refusal(name, answer)
        raise failure(SERVICE, "engine_key_refused")

    def _refusal(self, name: str, answer: Answer) -> MLError:
        """What a refusal means; a refused key is left alone from now on."""
        error = refusal_of(SERVICE, answer.status, answer.body)
        if error.code == "engine_key_refused":
            self.keys.refuse(name, f"HTTP {answer.status}")
        if error.code == "engine_busy":
            raise Busy(answer)
        return error

    # ---------------------------------------------------------------- storage

    def upload(self, data: bytes, *, mime: str, name: str, seconds: int, acl: str = "forbid") -> str:
        """Puts a file there for `seconds` and returns its address. It starts no work, so it is tried again.
        Away when the storage cannot be reached; MLError."""
        try:
            headers = {"Authorization": self._token()}
            about = {
                "Content-Type": mime,
                "X-Fal-File-Name": name,
                "X-Fal-Object-Lifecycle": lifecycle(seconds, acl),
            }
            if len(data) > AT_ONCE:
                return self._in_parts(data, headers, about)
            url = f"{self.remote.files}/files/upload"
            answer = self._twice(url, {**headers, **about}, data, RESULT_SECONDS)
        except (NotSent, Unanswered) as e:
            raise failure(SERVICE, "engine_away") from e
        return self._stored(answer)

    def _stored(self, answer: Answer) -> str:
        """The address of the file that an answer tells of."""
        url = self._taken(answer).fields.get("access_url")
        if not is_address(url, MOST_URL):
            raise failure(SERVICE, "engine_failed")
        return url

    def _taken(self, answer: Answer) -> Answer:
        """The answer, where the storage took what was sent. Raises Busy, MLError."""
        if answer.status == 429:
            raise Busy(answer)
        if answer.status != 200:
            raise refusal_of(SERVICE, answer.status, answer.body)
        return answer

    def _in_parts(self, data: bytes, headers: Mapping[str, str], about: Mapping[str, str]) -> str:
        """Begins, sends each part, completes. The last is sent once: a second one would not be known. Raises
        NotSent, Unanswered, Busy, MLError."""
        begun = self._taken(
            self._twice(f"{self.remote.files}/files/upload/multipart", {**headers, **about}, b"")
        )
        url, ident = self._stored(begun), begun.fields.get("uploadId")
        if not is_id(ident):
            raise failure(SERVICE, "engine_failed")
        there = f"{self.remote.files}{urlsplit(url).path}/multipart/{ident}"  # our token goes nowhere else
        told = {"parts": list(self._parts(data, there, headers))}
        done = self.http.send("POST", f"{there}/complete", headers=headers, body=told)
        if done.status >= 500:
            raise Unanswered(str(done.status))
        self._taken(done)
        return url

    def _parts(self, data: bytes, there: str, headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Sends each part, and says its number and the tag that the storage gave it."""
        until = time.monotonic() + PARTS_SECONDS
        for number, start in enumerate(range(0, len(data), PART), 1):
            left = min(WHOLE_SECONDS, until - time.monotonic())
            part = data[start : start + PART]
            answer = self._taken(self._twice(f"{there}/{number}", headers, part, left, method="PUT"))
            etag = answer.headers.get("etag", "")
            if not etag:
                raise failure(SERVICE, "engine_failed")
            yield {"partNumber": number, "etag": etag}

    def _token(self) -> str:
        """The header that uploads are authorised by."""
        for name, key in self.keys.usable():
            answer = self._token_answer(key)
            if answer.status == 200:
                said = answer.fields
                kind, token = said.get("token_type", "Bearer"), said.get("token")
                if is_header(kind) and is_header(token):
                    return f"{kind} {token}"
                raise failure(SERVICE, "engine_failed")
            error = self._refusal(name, answer)
            if error.code != "engine_key_refused":
                raise error
        raise failure(SERVICE, "engine_key_refused")

    def _token_answer(self, key: str) -> Answer:
        url = f"{self.remote.rest}/storage/auth/token?storage_type=fal-cdn-v3"
        return self._twice(url, auth(key), {})

    def _twice(
        self,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        seconds: float = WHOLE_SECONDS,
        method: str = "POST",
    ) -> Answer:
        """To the storage; once more when there was no answer or a 5xx."""
        try:
            answer = self.http.send(method, url, headers=headers, body=body, seconds=seconds)
            if answer.status < 500:
                return answer
        except (NotSent, Unanswered):
            pass
        answer = self.http.send(method, url, headers=headers, body=body, seconds=seconds)
        if answer.status >= 500:
            raise Unanswered(str(answer.status))
        return answer

    # ---------------------------------------------------------------- keys

    def check_key(self, key: str) -> str:
        """Empty when the key works, else a code of ours: asks for a token of the storage, at no cost.
        MLError `engine_away` when it cannot be reached."""
        try:
            answer = self._token_answer(key)
        except (NotSent, Unanswered) as e:
            raise failure(SERVICE, "engine_away") from e
        return "" if answer.status == 200 else refusal_of(SERVICE, answer.status, answer.body).code

    def name_of(self, key: str) -> str:
        return name_of(key)


STATES = {"IN_QUEUE": "waiting", "IN_PROGRESS": "running", "COMPLETED": "done"}


class Busy(Exception):
    """429: they took nothing and say when to come again."""

    def __init__(self, answer: Answer):
        super().__init__(answer.status)
        self.answer = answer
