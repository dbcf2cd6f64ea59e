"""Made of asynchronous.py by generate.py; do not change it here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import httpx

from photoflux import requests
from photoflux.errors import ApiError, RunFailed, Unreachable
from photoflux.requests import ENDED, Progress, Request, given
from photoflux.types import Album, Engine, Item, Job, Me, Photo, Quote, Training, Twin

Seen = Callable[[Any], object]
Run = TypeVar("Run", Training, Job)


class Client:
    """`key` is an API key, made at /account/developers/. `url` is the site's.

    What may be repeated is tried `tries` times where the site does not answer, is busy or limits us.
    Methods raise ApiError for a refusal, Unreachable, and RunFailed where they wait for a run.
    """

    def __init__(
        self,
        key: str,
        url: str = "http://127.0.0.1:8000",
        *,
        tries: int = 6,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Api-Key {key}", "Accept": "application/json"}
        self.tries, self.site = tries, url.rstrip("/")
        self._http = httpx.Client(headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------ any request

    def request(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        """Any operation of the API, such as `request("POST", "/albums", {"name": "Summer"})`: its JSON."""
        response = self._send(Request(method, path, json=json, params=given(**params)))
        return response.json() if response.content else None

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """All rows of a list, page after page."""
        found = self.request("GET", path, **params)
        while True:
            for row in found["results"]:
                yield row
            if not found["next"]:
                return
            found = (self._send(Request("GET", found["next"]))).json()

    def _send(self, request: Request) -> httpx.Response:
        for tries in range(self.tries):
            response = self._try(request)
            if not requests.should_repeat(request, response):
                break
            if tries + 1 < self.tries:
                time.sleep(requests.wait_before(tries, response))
        if response is None:
            raise Unreachable(f"{self.site} does not answer.")
        return requests.result_of(response)

    def _try(self, request: Request) -> httpx.Response | None:
        try:
            return self._http.request(
                request.method,
                request.address(self.site),
                json=request.json,
                content=request.content,
                params=request.params or None,
                headers=request.headers,
            )
        except httpx.TransportError:
            return None

    # ------------------------------------------------------------ you, prices, engines

    def me(self) -> Me:
        return cast(Me, self.request("GET", "/me"))

    def engines(self) -> list[Engine]:
        return cast(list[Engine], self.request("GET", "/engines"))

    def quote(self, kind: str, **body: Any) -> Quote:
        """What a run would cost: `kind` is `training`, `image`, `headshots` or `restoration`."""
        return cast(Quote, self.request("POST", "/quote", {"kind": kind, **given(**body)}))

    # ------------------------------------------------------------ twins and their photos

    def twins(self) -> list[Twin]:
        return [twin for twin in self.pages("/twins")]

    def twin(self, twin: str) -> Twin:
        return cast(Twin, self.request("GET", f"/twins/{twin}"))

    def create_twin(self, name: str, subject_class: str = "person") -> Twin:
        return cast(
            Twin, self.request("POST", "/twins", {"name": name, "subject_class": subject_class})
        )

    def photos(self, twin: str) -> list[Photo]:
        return [photo for photo in self.pages(f"/twins/{twin}/photos", limit=100)]

    def upload_photo(
        self,
        twin: str,
        photo: str | Path | bytes,
        *,
        name: str = "photo.jpg",
        progress: Progress | None = None,
    ) -> Photo:
        """Sends a photo in pieces; a broken connection costs one piece. Its check goes on afterwards."""
        if not isinstance(photo, bytes):
            path = Path(photo).expanduser()
            name, photo = path.name, path.read_bytes()
        begun = self._send(requests.begin_upload(twin, photo, name, uuid.uuid4().hex))
        where, offset = begun.headers["Location"], requests.offset_of(begun)
        while offset < len(photo):
            offset = self._send_piece(where, photo, offset)
            if progress:
                progress(offset / len(photo))
        ident = where.rpartition("/")[2]
        return cast(Photo, self.request("GET", f"/twins/{twin}/photos/{ident}"))

    def _send_piece(self, where: str, data: bytes, offset: int) -> int:
        """How much has arrived then."""
        request = requests.piece(where, data, offset)
        response = self._try(request)
        if response is not None and not requests.should_repeat(request, response):
            refused = None if response.is_success else ApiError.of(response)
            if refused is None or refused.code != "wrong_offset":
                return requests.offset_of(requests.result_of(response))
        return requests.offset_of(self._send(requests.arrived(where)))

    def wait_for_photos(self, twin: str, *, poll: float = 2.0, seen: Seen | None = None) -> list[Photo]:
        """All photos of the twin, once none is being checked. It looks at least every `poll` seconds."""
        for pause in requests.pauses(poll):
            photos = self.photos(twin)
            if seen:
                seen(photos)
            if requests.settled(photos):
                return photos
            time.sleep(pause)
        raise AssertionError("it looks for ever")

    # ------------------------------------------------------------ runs

    def train(self, twin: str, *, key: str = "", **options: Any) -> Training:
        """Begins a training; options are `base`, `steps` and `seed`. `wait` follows it."""
        sent = self._send(requests.post(f"/twins/{twin}/trainings", given(**options), key=key))
        return cast(Training, sent.json())

    def generate(self, prompt: str, *, twin: str | None = None, key: str = "", **options: Any) -> Job:
        """Asks for pictures, or with `kind="video"` for a clip; options are those of POST /generations.
        `wait` follows it."""
        body = {"kind": "image", "prompt": prompt, **given(twin=twin, **options)}
        return cast(Job, (self._send(requests.post("/generations", body, key=key))).json())

    def wait(self, run: Run, *, poll: float = 2.0, progress: Progress | None = None) -> Run:
        """The run once it has succeeded. Raises RunFailed."""
        kind = "trainings" if run["kind"] == "training" else "generations"
        for pause in requests.pauses(poll):
            found: Any = self.request("GET", f"/{kind}/{run['id']}")
            if progress:
                progress(requests.share_of(found))
            if found["status"] == "succeeded":
                return cast(Run, found)
            if found["status"] in ENDED:
                raise RunFailed(found)
            time.sleep(pause)
        raise AssertionError("it looks for ever")

    def cancel(self, run: Training | Job) -> None:
        kind = "trainings" if run["kind"] == "training" else "generations"
        self.request("POST", f"/{kind}/{run['id']}/cancel")

    # ------------------------------------------------------------ pictures and albums

    def items(self, **filters: Any) -> Iterator[Item]:
        """Pictures, the newest first; filters are those of GET /items."""
        return self.pages("/items", **filters)

    def item(self, item: str) -> Item:
        return cast(Item, self.request("GET", f"/items/{item}"))

    def content(self, item: str) -> bytes:
        return (self._send(Request("GET", f"/items/{item}/content"))).content

    def download(self, item: str | Mapping[str, Any], folder: str | Path) -> Path:
        """Writes a picture into the folder. One that is there already is not fetched again."""
        found = self.item(item) if isinstance(item, str) else item
        target = Path(folder).expanduser() / requests.file_name(found)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_suffix(".part")
            aside.write_bytes(self.content(found["id"]))
            aside.rename(target)
        return target

    def albums(self) -> list[Album]:
        return [album for album in self.pages("/albums")]
