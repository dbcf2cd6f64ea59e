"""HTTP with services: one client for all threads, capped sizes, and no submit is ever sent twice.

It connects directly, without the proxies that the environment may name: the addresses of results are checked
after they were resolved, and the connection goes to the address that was checked.
"""

from __future__ import annotations

import io
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from ml.errors import MLError
from ml.remote.addresses import is_public
from ml.remote.deadline import transport, within
from ml.remote.failures import failure
from ml.remote.settings import Remote, is_loopback
from ml.remote.strict import BadJson, is_address, parse

TIMES = httpx2.Timeout(60, connect=5, pool=30)  # seconds
WHOLE_SECONDS = 120.0  # for a request and its answer
RESULT_SECONDS = 600.0  # for a file that goes or comes
MOST_JSON = 2_000_000  # bytes
MOST_LORA = 1_000_000_000
MOST_PICTURE = 16_000_000  # four times a megapixel without compression
MOST_URL = 4000  # characters of a result's address
TRIES, PAUSE = 3, 0.5  # of what only reads; the pause doubles
MOST_REDIRECTS = 3
LATER = (429, 500, 502, 503, 504)
GONE = (401, 403, 404, 410)

Resolve = Callable[[str, int], list[str]]


class NotSent(Exception):
    """There was no connection: nothing of the request has left."""


class Unanswered(Exception):
    """The request may have arrived; there was no whole answer."""


class Torn(Unanswered):
    """The answer ended before its stated length."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """None for what is no strict JSON."""
        try:
            return parse(self.body)
        except BadJson:
            return None

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON object; empty when it is none."""
        said = self.json()
        return said if isinstance(said, dict) else {}


def resolve(host: str, port: int) -> list[str]:
    return list(
        dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )


@cache
def tls() -> ssl.SSLContext:
    """Reading the list of authorities takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)


class Http:
    """Thread-safe. `sleep` and `resolve` are replaced in tests."""

    def __init__(
        self, remote: Remote, *, resolve: Resolve = resolve, sleep: Callable[[float], None] = time.sleep
    ):
        self.remote, self.resolve, self.sleep = remote, resolve, sleep
        self._client = self._open(keep=32)
        # A kept connection may have been closed by the other side, which shows only after the request was
        # sent. A submit therefore gets a new one.
        self._fresh = self._open(keep=0)

    @staticmethod
    def _open(keep: int) -> httpx2.Client:
        limits = httpx2.Limits(max_connections=256, max_keepalive_connections=keep, keepalive_expiry=20)
        headers = {"User-Agent": "PhotoFlux", "Accept-Encoding": "identity"}
        by = transport(tls(), limits)
        return httpx2.Client(transport=by, headers=headers, timeout=TIMES, trust_env=False)

    def close(self) -> None:
        self._client.close()
        self._fresh.close()

    # ---------------------------------------------------------------- the service itself

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Any = None,
        most: int = MOST_JSON,
        seconds: float = WHOLE_SECONDS,
    ) -> Answer:
        """Sends once. `body`: bytes as they are, anything else as JSON. `seconds`: until the whole answer is
        there. Raises NotSent, Unanswered."""
        kind = {} if isinstance(body, bytes) or body is None else {"Content-Type": "application/json"}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        options = {"headers": {**kind, **headers}, "content": content}
        return self._once(self._fresh, method, url, most=most, seconds=seconds, **options)

    def read(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET, tried again while the service is away. Raises NotSent, Unanswered."""
        for left in range(TRIES - 1, -1, -1):
            try:
                answer = self._once(self._client, "GET", url, headers=headers or {}, most=MOST_JSON)
            except (NotSent, Unanswered):
                if not left:
                    raise
            else:
                if answer.status not in (502, 503, 504) or not left:
                    return answer
            self.sleep(PAUSE * 2 ** (TRIES - 1 - left))
        raise AssertionError("the loop returns or raises")

    def _once(
        self,
        client: httpx2.Client,
        method: str,
        url: str,
        *,
        most: int,
        seconds: float = WHOLE_SECONDS,
        **options: Any,
    ) -> Answer:
        try:
            with within(seconds), client.stream(method, url, **options) as response:
                return Answer(response.status_code, response.headers, _read(response, most))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as e:
            raise NotSent(str(e)) from e
        except (httpx2.HTTPError, httpx2.InvalidURL, TooMuch) as e:
            raise Unanswered(type(e).__name__) from e

    # ---------------------------------------------------------------- results

    def fetch(
        self, url: str, most: int, size: int | None = None, *, seconds: float = RESULT_SECONDS
    ) -> bytes:
        """A result's bytes, more than none and at most `most`; exactly `size` and its Content-Length where
        told. `seconds`: for all tries together. MLError `result_gone`, `result_bad`; Away when its host
        cannot be reached, or sends too slowly."""
        with within(seconds):
            return self._fetch(url, most, size)

    def _fetch(self, url: str, most: int, size: int | None) -> bytes:
        bad, torn = failure(self.remote.service, "result_bad"), False
        if not isinstance(size, int) or isinstance(size, bool):
            size = None
        for attempt in range(TRIES):
            try:
                data = self._follow(url, most)
                if size not in (None, len(data)) or not data:
                    raise bad
                return data
            except TooMuch as e:
                raise bad from e
            except (NotSent, Unanswered) as e:
                torn = isinstance(e, Torn)
            self.sleep(PAUSE * 2**attempt)
        raise bad if torn else failure(self.remote.service, "engine_away")

    def _follow(self, url: str, most: int) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            found = self._get_result(url, most)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise failure(self.remote.service, "result_bad")

    def _get_result(self, url: str, most: int) -> bytes | str:
        """The bytes, or the address of a redirect."""
        error: Exception = NotSent(url)
        for address, options in self._targets(url):
            try:
                return self._get_from(address, options, most)
            except NotSent as e:
                error = e
        raise error

    def _get_from(self, address: str, options: dict[str, Any], most: int) -> bytes | str:
        try:
            with self._client.stream("GET", address, **options) as response:
                if response.is_redirect:
                    return response.headers.get("location", "")
                if response.status_code in GONE:
                    raise failure(self.remote.service, "result_gone")
                if response.status_code in LATER:
                    raise Unanswered(str(response.status_code))
                if (
                    response.status_code != 200
                    or response.headers.get("content-encoding", "identity") != "identity"
                ):
                    raise failure(self.remote.service, "result_bad")
                return _read(response, most)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as e:
            raise NotSent(str(e)) from e
        except httpx2.RemoteProtocolError as e:
            raise Torn(str(e)) from e
        except (httpx2.HTTPError, httpx2.InvalidURL) as e:
            raise Unanswered(str(e)) from e

    def _targets(self, url: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(address, options) for each way to a result: its checked IP addresses, with its name for TLS.
        MLError `result_bad` for what is neither public https nor the double's own machine."""
        bad = failure(self.remote.service, "result_bad")
        if not is_address(url, MOST_URL):
            raise bad
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if is_loopback(url) and self.remote.is_double:
            yield url, {}
            return
        if parts.scheme != "https" or parts.username is not None:
            raise bad
        for ip in self._public(host, port or 443, bad):
            there = f"[{ip}]" if ":" in ip else ip
            netloc = there if port is None else f"{there}:{port}"
            named = {"headers": {"Host": parts.netloc}, "extensions": {"sni_hostname": host}}
            yield parts._replace(netloc=netloc, fragment="").geturl(), named

    def _public(self, host: str, port: int, bad: MLError) -> list[str]:
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as e:
            raise NotSent(str(e)) from e
        if not found or not all(map(is_public, found)):
            raise bad
        return found


class TooMuch(Exception):
    """More bytes than allowed."""


def _read(response: httpx2.Response, most: int) -> bytes:
    told = response.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise TooMuch(told)
    data = io.BytesIO()  # gives its bytes without another copy
    for chunk in response.iter_raw():
        data.write(chunk)
        if data.tell() > most:
            raise TooMuch(str(data.tell()))
    return data.getvalue()
