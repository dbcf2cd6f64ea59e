"""Sealed files open as they were sealed, in whole and in part, and refuse every kind of change."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from accounts.vault import sealing
from accounts.vault.sealing import HEADER, SEGMENT, TAG, TRAILER, MasterKeys, Source, Tampered

SIZES = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT]
KEY, OTHER_KEY = bytes(range(32)), bytes(32)
CONTEXT = b"alice/photo/original"
STEP = SEGMENT + TAG


def plain_of(size: int) -> bytes:
    return os.urandom(size)


def sealed_of(plain: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    return b"".join(sealing.seal(key, context, [plain]))


def source_of(data: bytes) -> Source:
    return Source(len(data), lambda start, stop: data[start:stop])


def assert_refused(data: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> None:
    with pytest.raises(Tampered):
        sealing.open_whole(key, context, data)
    with pytest.raises(Tampered):
        list(sealing.open_range(key, context, source_of(data)))


def parts_of(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """A sealed file as its header, its segments and its trailer."""
    body = data[HEADER:-TRAILER]
    return data[:HEADER], [body[i : i + STEP] for i in range(0, len(body), STEP)], data[-TRAILER:]


def joined(header: bytes, segments: list[bytes], trailer: bytes) -> bytes:
    return header + b"".join(segments) + trailer


@pytest.mark.parametrize("size", SIZES)
def test_a_file_opens_as_it_was_sealed(size: int) -> None:
    plain = plain_of(size)
    data = sealed_of(plain)
    assert sealing.open_whole(KEY, CONTEXT, data) == plain
    assert sealing.sealed_size(size) == len(data)
    assert sealing.plain_size(len(data)) == size


@pytest.mark.parametrize("step", [1, 1000, SEGMENT - 1, SEGMENT, SEGMENT + 1, 10 * SEGMENT])
def test_the_sizes_of_the_chunks_do_not_matter(step: int) -> None:
    plain = plain_of(2 * SEGMENT + 7)
    chunks = (plain[i : i + step] for i in range(0, len(plain), step))
    assert sealing.open_whole(KEY, CONTEXT, b"".join(sealing.seal(KEY, CONTEXT, chunks))) == plain


def test_sealing_holds_two_segments_back_at_most() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += SEGMENT
            yield bytes(SEGMENT)

    given = 0
    for piece in sealing.seal(KEY, CONTEXT, chunks()):
        given += len(piece)
        assert taken - given < 2 * SEGMENT


def test_nothing_plain_shows_and_nothing_repeats() -> None:
    plain = b"the same face " * 10_000
    once, again = sealed_of(plain), sealed_of(plain)
    assert b"face" not in once
    assert not set(parts_of(once)[1]) & set(parts_of(again)[1])


@pytest.mark.parametrize("size", SIZES)
def test_any_flipped_bit_is_refused(size: int) -> None:
    data = sealed_of(plain_of(size))
    places = {
        0,
        1,
        HEADER - 1,
        HEADER,
        len(data) - TRAILER - 1,
        len(data) - TRAILER,
        len(data) - 1,
        len(data) // 2,
    }
    for at in places:
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        with pytest.raises(Tampered):
            sealing.open_whole(KEY, CONTEXT, bytes(changed))


@pytest.mark.parametrize("cut", [1, TAG, TRAILER, STEP, STEP + TRAILER])
def test_a_truncated_file_is_refused(cut: int) -> None:
    assert_refused(sealed_of(plain_of(3 * SEGMENT))[:-cut])


@pytest.mark.parametrize(
    "size", [0, 1, HEADER - 1, HEADER, HEADER + TAG, HEADER + TRAILER, HEADER + TRAILER + TAG]
)
def test_a_file_cut_near_its_start_is_refused(size: int) -> None:
    assert_refused(sealed_of(plain_of(3 * SEGMENT))[:size])


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_file_without_one_of_its_segments_is_refused(gone: int) -> None:
    header, segments, trailer = parts_of(sealed_of(plain_of(3 * SEGMENT)))
    assert_refused(joined(header, segments[:gone] + segments[gone + 1 :], trailer))


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 0, 2), (0, 1, 2, 2), (0, 1, 1, 2)])
def test_swapped_and_repeated_segments_are_refused(order: tuple[int, ...]) -> None:
    header, segments, trailer = parts_of(sealed_of(plain_of(3 * SEGMENT)))
    assert_refused(joined(header, [segments[i] for i in order], trailer))


def test_segments_header_and_trailer_of_another_file_are_refused() -> None:
    plain = plain_of(3 * SEGMENT)
    header, segments, trailer = parts_of(sealed_of(plain))
    header2, segments2, trailer2 = parts_of(sealed_of(plain))
    assert_refused(joined(header, [segments[0], segments2[1], segments[2]], trailer))
    assert_refused(joined(header2, segments, trailer))
    with pytest.raises(Tampered):
        sealing.open_whole(KEY, CONTEXT, joined(header, segments, trailer2))


def test_another_name_rendition_or_user_is_refused() -> None:
    data = sealed_of(plain_of(100))
    for context in (b"alice/photo/thumbnail", b"alice/photo2/original", b"bob/photo/original", b""):
        assert_refused(data, context=context)
    assert_refused(data, key=OTHER_KEY)


def test_another_version_is_refused() -> None:
    data = sealed_of(plain_of(100))
    assert_refused(bytes([sealing.VERSION + 1]) + data[1:])


@pytest.mark.parametrize("size", SIZES)
def test_every_range_is_what_the_plain_bytes_have_there(size: int) -> None:
    plain = plain_of(size)
    source = source_of(sealed_of(plain))
    marks = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT - 1, 3 * SEGMENT, 4 * SEGMENT]
    for start in marks:
        for stop in (m for m in marks if m >= start):
            assert b"".join(sealing.open_range(KEY, CONTEXT, source, start, stop)) == plain[start:stop]
        assert b"".join(sealing.open_range(KEY, CONTEXT, source, start)) == plain[start:]


@pytest.mark.parametrize("start, stop", [(-1, 5), (5, 4)])
def test_a_range_that_runs_backwards_is_an_error(start: int, stop: int) -> None:
    with pytest.raises(ValueError):
        sealing.open_range(KEY, CONTEXT, source_of(sealed_of(b"ten bytes.")), start, stop)


@pytest.mark.parametrize(
    "start, stop, segments",
    [
        (0, 1, 1),
        (SEGMENT - 1, SEGMENT + 1, 2),
        (SEGMENT, 2 * SEGMENT, 1),
        (30 * SEGMENT - 1, 33 * SEGMENT + 1, 5),
    ],
)
def test_a_range_reads_only_the_segments_that_hold_it(start: int, stop: int, segments: int) -> None:
    data = sealed_of(bytes(40 * SEGMENT))
    counted = Counted(data)
    list(sealing.open_range(KEY, CONTEXT, replace(source_of(data), read=counted), start, stop))
    assert sum(counted.sizes) == HEADER + segments * STEP
    assert segments <= -(-(stop - start) // SEGMENT) + 2


def test_a_long_file_is_read_in_batches_of_constant_size() -> None:
    data = sealed_of(bytes(40 * SEGMENT))
    counted = Counted(data)
    list(sealing.open_range(KEY, CONTEXT, replace(source_of(data), read=counted)))
    assert len(counted.sizes) == 1 + 3
    assert max(counted.sizes) == sealing.BATCH * STEP


class Counted:
    """Reads like a file and notes how much."""

    def __init__(self, data: bytes):
        self.data = data
        self.sizes: list[int] = []

    def __call__(self, start: int, stop: int) -> bytes:
        self.sizes.append(stop - start)
        return self.data[start:stop]


def test_a_range_before_a_cut_still_opens_and_one_at_the_cut_does_not() -> None:
    header, segments, trailer = parts_of(sealed_of(bytes(3 * SEGMENT)))
    source = source_of(joined(header, segments[:2], trailer))
    assert b"".join(sealing.open_range(KEY, CONTEXT, source, 0, 10)) == bytes(10)
    with pytest.raises(Tampered):
        list(sealing.open_range(KEY, CONTEXT, source, SEGMENT, SEGMENT + 1))
    with pytest.raises(Tampered):
        sealing.open_digest(KEY, CONTEXT, source)


def test_the_digest_is_read_without_the_file() -> None:
    plain = plain_of(3 * SEGMENT + 5)
    data = sealed_of(plain)
    counted = Counted(data)
    digest = sealing.open_digest(KEY, CONTEXT, replace(source_of(data), read=counted))
    assert digest == hashlib.sha256(plain).digest()
    assert sum(counted.sizes) == HEADER + TRAILER


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: b"", lambda d: d[:1]])
def test_impossible_sizes_are_refused(change: Callable[[bytes], bytes]) -> None:
    assert_refused(change(sealed_of(b"")))
    with pytest.raises(Tampered):
        sealing.plain_size(len(sealed_of(bytes(SEGMENT))) + TAG)


OLD = MasterKeys({"2025": bytes(32)}, "2025")
NEW = MasterKeys({"2026": bytes(range(32)), "2025": bytes(32)}, "2026")


def test_a_wrapped_key_comes_back_also_after_the_master_key_was_rotated() -> None:
    key = sealing.new_key()
    wrapped = sealing.wrap(OLD, key, b"alice")
    assert sealing.wrapped_by(wrapped) == "2025"
    assert sealing.unwrap(OLD, wrapped, b"alice") == sealing.unwrap(NEW, wrapped, b"alice") == key
    assert sealing.wrapped_by(sealing.wrap(NEW, key, b"alice")) == "2026"


def test_a_wrapped_key_is_refused_when_changed_or_anothers() -> None:
    wrapped = sealing.wrap(OLD, sealing.new_key(), b"alice")
    for at in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[at] ^= 1
        with pytest.raises(Tampered):
            sealing.unwrap(OLD, bytes(changed), b"alice")
        with pytest.raises(Tampered):
            sealing.unwrap(OLD, wrapped[:at], b"alice")
    with pytest.raises(Tampered):
        sealing.unwrap(OLD, wrapped, b"bob")


def test_unwrap_names_the_missing_master_key() -> None:
    wrapped = sealing.wrap(OLD, sealing.new_key(), b"alice")
    with pytest.raises(Tampered, match="2025"):
        sealing.unwrap(MasterKeys({"2026": bytes(32)}, "2026"), wrapped, b"alice")


@pytest.mark.parametrize(
    "keys, current", [({}, "a"), ({"a": b"short"}, "a"), ({"": bytes(32)}, ""), ({"é": bytes(32)}, "é")]
)
def test_master_keys_that_cannot_be_used_are_an_error(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError):
        MasterKeys(keys, current)


def test_master_keys_do_not_print_themselves() -> None:
    assert "\\x" not in repr(OLD)


def test_opening_a_file_holds_it_about_twice() -> None:
    size = 16 << 20
    sealed = b"".join(sealing.seal(KEY, CONTEXT, [bytes(size)]))
    tracemalloc.start()
    sealing.open_whole(KEY, CONTEXT, sealed)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.3 * size  # beside what is sealed
