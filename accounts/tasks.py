"""Archives, written as they are read: one file in memory at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from accounts.models import Export
from accounts.vault import orphans
from accounts.vault.vault import store
from config import registry
from config.runs.worker import claimed
from ml.errors import Stopped


@shared_task(name=Export.task)
def export(ident: str) -> None:
    with claimed(Export, ident) as run:
        if run is None:
            return
        files = store(run.user_id)
        files.write_stream(run.file, zipped(watched(run, members(run))))
        run.finish(size=files.size(run.file), expires_at=timezone.now() + Export.KEPT)


def members(run: Export) -> Iterator[tuple[str, Iterable[bytes]]]:
    """(path, its bytes) from every app, for the user and what was chosen."""
    for exporter in registry.exporters:
        yield from exporter(run)


def watched(
    run: Export, found: Iterator[tuple[str, Iterable[bytes]]]
) -> Iterator[tuple[str, Iterable[bytes]]]:
    for n, member in enumerate(found, 1):
        if run.progress("packing", 1 - 1 / n):
            raise Stopped
        yield member


class _Pipe(io.RawIOBase):
    """What zipfile writes to: unseekable, emptied by the reader."""

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


def zipped(found: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP archive, stored and not packed again, as pictures are packed already."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[arg-type]
        for path, chunks in found:
            with archive.open(
                zipfile.ZipInfo(path, date_time=timezone.now().timetuple()[:6]), "w", force_zip64=True
            ) as member:
                for chunk in chunks:
                    member.write(chunk)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()


@shared_task(name="accounts.tidy")
def tidy() -> int:
    """Delete archives past their time; how many."""
    now = timezone.now()
    unfinished = Q(expires_at=None, finished_at__lt=now - Export.KEPT)
    old = list(Export.objects.filter(Q(expires_at__lt=now) | unfinished))
    for archive in old:
        store(archive.user_id).delete(archive.file)
        archive.delete()
    return len(old)


@shared_task(name="accounts.orphans")
def sweep_orphans() -> int:
    """Delete files that no row speaks of; how many."""
    return orphans.sweep()
