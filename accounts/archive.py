"""An archive as a ZIP stream. Only one piece of one file is in memory at a time."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.db.models import GeneratedField
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.utils.encoders import JSONEncoder

from accounts.models import Export, User
from accounts.vault.sealing import Tampered
from accounts.zones import seen_from
from config import registry
from config.registry import Member

log = logging.getLogger(__name__)


class _Encoder(JSONEncoder):
    """Also encodes the vectors of faces, which are arrays."""

    def default(self, obj: Any) -> Any:
        return obj.tolist() if hasattr(obj, "tolist") else super().default(obj)


def json_member(path: str, data: Any, about: str) -> Member:
    return Member(path, [_json(data)], about)


def json_list(path: str, found: Iterable[Any], about: str) -> Member:
    """A list that may be long: one entry of it is in memory at a time."""
    return Member(path, _list(found), about)


def _list(found: Iterable[Any]) -> Iterator[bytes]:
    before = b"[\n"
    for entry in found:
        yield before + _json(entry)
        before = b",\n"
    yield b"\n]" if before == b",\n" else b"[]"


def _json(data: Any) -> bytes:
    return json.dumps(data, cls=_Encoder, indent=1, ensure_ascii=False).encode("utf-8", "replace")


def row(instance: Any, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """All columns of a row, so that columns which are added later are in the archive too."""
    columns = [f for f in instance._meta.concrete_fields if not isinstance(f, GeneratedField)]
    return {f.attname: getattr(instance, f.attname) for f in columns if f.name not in without}


def rows(queryset: Any, *, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    return list(each_row(queryset, without=without))


def each_row(queryset: Any, *, without: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    for instance in queryset.iterator(chunk_size=500):
        yield row(instance, without=without)


def members(export: Export) -> Iterator[Member]:
    """The members of this archive, described in its owner's language, with days in the owner's zone."""
    if export.scope == Export.Scope.ITEMS:
        found = _chosen(export)
    else:
        found = _everything(export)
    return _as_seen_by(export.user, found)


def _chosen(export: Export) -> Iterator[Member]:
    """The chosen items, and a list of what was left out, if anything was."""
    left_out = []
    for member in (m for exporter in registry.item_exporters for m in exporter(export.user, export.chosen)):
        member = _that_opens(member)
        if member.chunks is None:
            left_out.append(_listed(member))
        else:
            yield member
    if left_out:
        yield json_member("left-out.json", left_out, "")


def _listed(member: Member) -> dict[str, str]:
    return {"path": member.path, "what": member.about}


def _as_seen_by(user: User, found: Iterator[Member]) -> Iterator[Member]:
    """Activates language and zone only while the next member is made, so that the worker's own stay."""
    while True:
        with translation.override(user.language), seen_from(user.zone):
            member = next(found, None)
        if member is None:
            return
        yield member


def _everything(export: Export) -> Iterator[Member]:
    """Every app's members, and an index of what was written and what was left out."""
    files: list[dict[str, str]] = []
    left_out: list[dict[str, str]] = []
    for member in (Member(*m) for each in registry.exporters for m in each.members(export.user)):
        member = _that_opens(member)
        (left_out if member.chunks is None else files).append(_listed(member))
        if member.chunks is not None:
            yield member
    about = {
        "about": _("All that PhotoFlux keeps about this account, and what each file is."),
        "account": str(export.user_id),
        "made_at": timezone.now(),
        "files": files,
        "left_out": left_out,
    }
    yield json_member("index.json", about, "")


def _that_opens(member: Member) -> Member:
    """Reads the first piece, so that a file which was deleted or damaged is left out and raises no error."""
    if member.chunks is None:
        return member
    try:
        pieces = iter(member.chunks)
        first = next(pieces, b"")
    except FileNotFoundError:
        return Member(member.path, None, _("It was deleted while the archive was packed."))
    except Tampered as damage:
        log.error("%s is left out of an archive: %s", member.path, damage)
        return Member(member.path, None, _("It is damaged in our storage and cannot be opened."))
    return Member(member.path, chain([first], pieces), member.about)


class _Pipe(io.RawIOBase):
    """The file that zipfile writes to. It cannot seek, and `take` empties it."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.kept += data
        return len(data)

    def take(self) -> bytes:
        data, self.kept = bytes(self.kept), bytearray()
        return data


def zipped(found: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of the ZIP file. Members are stored uncompressed, as pictures are compressed already."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[arg-type]
        for path, chunks, _about in found:
            info = zipfile.ZipInfo(path, date_time=timezone.localtime().timetuple()[:6])
            with archive.open(info, "w", force_zip64=True) as member:
                for chunk in chunks or ():
                    member.write(chunk)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()
