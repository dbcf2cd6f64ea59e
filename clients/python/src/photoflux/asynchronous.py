"""The client. `synchronous.py` is made of this file by generate.py: change it here."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import httpx

from photoflux import requests
from photoflux.errors import ApiError, RunFailed, Unreachable
from photoflux.requests import ENDED, Progress, Request, given
from photoflux.types import Album, Engine, Item, Job, Me, Photo, Quote, Training, Twin

Seen = Callable[[Any], object]
Run = TypeVar("Run", Training, Job)


class AsyncClient:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Api-Key {key}", "Accept": "application/json"}
        self.tries, self.site = tries, url.rstrip("/")
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # ------------------------------------------------------------ any request

    async def request(self, method: str, path: str, json: Any = None, **params: Any) -> Any:
        """Any operation of the API, such as `request("POST", "/albums", {"name": "Summer"})`: its JSON."""
        response = await self._send(Request(method, path, json=json, params=given(**params)))
        return response.json() if response.content else None

    async def pages(self, path: str, **params: Any) -> AsyncIterator[Any]:
        """All rows of a list, page after page."""
        found = await self.request("GET", path, **params)
        while True:
            for row in found["results"]:
                yield row
            if not found["next"]:
                return
            found = (await self._send(Request("GET", found["next"]))).json()

    async def _send(self, request: Request) -> httpx.Response:
        for tries in range(self.tries):
            response = await self._try(request)
            if not requests.should_repeat(request, response):
                break
            if tries + 1 < self.tries:
                await asyncio.sleep(requests.wait_before(tries, response))
        if response is None:
            raise Unreachable(f"{self.site} does not answer.")
        return requests.result_of(response)

    async def _try(self, request: Request) -> httpx.Response | None:
        try:
            return await self._http.request(
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

    async def me(self) -> Me:
        return cast(Me, await self.request("GET", "/me"))

    async def engines(self) -> list[Engine]:
        return cast(list[Engine], await self.request("GET", "/engines"))

    async def quote(self, kind: str, **body: Any) -> Quote:
        """What a run would cost: `kind` is `training`, `image`, `headshots` or `restoration`."""
        return cast(Quote, await self.request("POST", "/quote", {"kind": kind, **given(**body)}))

    # ------------------------------------------------------------ twins and their photos

    async def twins(self) -> list[Twin]:
        return [twin async for twin in self.pages("/twins")]

    async def twin(self, twin: str) -> Twin:
        return cast(Twin, await self.request("GET", f"/twins/{twin}"))

    async def create_twin(self, name: str, subject_class: str = "person") -> Twin:
        return cast(
            Twin, await self.request("POST", "/twins", {"name": name, "subject_class": subject_class})
        )

    async def photos(self, twin: str) -> list[Photo]:
        return [photo async for photo in self.pages(f"/twins/{twin}/photos", limit=100)]

    async def upload_photo(
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
        begun = await self._send(requests.begin_upload(twin, photo, name, uuid.uuid4().hex))
        where, offset = begun.headers["Location"], requests.offset_of(begun)
        while offset < len(photo):
            offset = await self._send_piece(where, photo, offset)
            if progress:
                progress(offset / len(photo))
        ident = where.rpartition("/")[2]
        return cast(Photo, await self.request("GET", f"/twins/{twin}/photos/{ident}"))

    async def _send_piece(self, where: str, data: bytes, offset: int) -> int:
        """How much has arrived then."""
        request = requests.piece(where, data, offset)
        response = await self._try(request)
        if response is not None and not requests.should_repeat(request, response):
            refused = None if response.is_success else ApiError.of(response)
            if refused is None or refused.code != "wrong_offset":
                return requests.offset_of(requests.result_of(response))
        return requests.offset_of(await self._send(requests.arrived(where)))

    async def wait_for_photos(self, twin: str, *, poll: float = 2.0, seen: Seen | None = None) -> list[Photo]:
        """All photos of the twin, once none is being checked. It looks at least every `poll` seconds."""
        for pause in requests.pauses(poll):
            photos = await self.photos(twin)
            if seen:
                seen(photos)
            if requests.settled(photos):
                return photos
            await asyncio.sleep(pause)
        raise AssertionError("it looks for ever")

    # ------------------------------------------------------------ runs

    async def train(self, twin: str, *, key: str = "", **options: Any) -> Training:
        """Begins a training; options are `base`, `steps` and `seed`. `wait` follows it."""
        sent = await self._send(requests.post(f"/twins/{twin}/trainings", given(**options), key=key))
        return cast(Training, sent.json())

    async def generate(self, prompt: str, *, twin: str | None = None, key: str = "", **options: Any) -> Job:
        """Asks for pictures, or with `kind="video"` for a clip; options are those of POST /generations.
        `wait` follows it."""
        body = {"kind": "image", "prompt": prompt, **given(twin=twin, **options)}
        return cast(Job, (await self._send(requests.post("/generations", body, key=key))).json())

    async def wait(self, run: Run, *, poll: float = 2.0, progress: Progress | None = None) -> Run:
        """The run once it has succeeded. Raises RunFailed."""
        kind = "trainings" if run["kind"] == "training" else "generations"
        for pause in requests.pauses(poll):
            found: Any = await self.request("GET", f"/{kind}/{run['id']}")
            if progress:
                progress(requests.share_of(found))
            if found["status"] == "succeeded":
                return cast(Run, found)
            if found["status"] in ENDED:
                raise RunFailed(found)
            await asyncio.sleep(pause)
        raise AssertionError("it looks for ever")

    async def cancel(self, run: Training | Job) -> None:
        kind = "trainings" if run["kind"] == "training" else "generations"
        await self.request("POST", f"/{kind}/{run['id']}/cancel")

    # ------------------------------------------------------------ pictures and albums

    def items(self, **filters: Any) -> AsyncIterator[Item]:
        """Pictures, the newest first; filters are those of GET /items."""
        return self.pages("/items", **filters)

    async def item(self, item: str) -> Item:
        return cast(Item, await self.request("GET", f"/items/{item}"))

    async def content(self, item: str) -> bytes:
        return (await self._send(Request("GET", f"/items/{item}/content"))).content

    async def download(self, item: str | Mapping[str, Any], folder: str | Path) -> Path:
        """Writes a picture into the folder. One that is there already is not fetched again."""
        found = await self.item(item) if isinstance(item, str) else item
        target = Path(folder).expanduser() / requests.file_name(found)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_suffix(".part")
            aside.write_bytes(await self.content(found["id"]))
            aside.rename(target)
        return target

    async def albums(self) -> list[Album]:
        return [album async for album in self.pages("/albums")]
