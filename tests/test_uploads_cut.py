"""Uploads that break off, at a real web server. tuspy, the reference client, judges what arrives."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.test_web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.workers]
SIZE = 900_000
CUTS = [0, 1, 2, 17, 1000, 16_384, 65_535, 65_536, 65_537, 131_072, 200_000, 262_144, 300_000, 400_001]
CUTS += [500_000, 600_000, 700_000, 800_000, SIZE - 2, SIZE - 1]


def twin_of(web: Web, token: str) -> str:
    for kind in json.loads(web.ask("GET", "/api/v1/consents", token=token)[2]):
        body = {"kind": kind["kind"], "version": kind["version"]}
        web.ask("POST", "/api/v1/consents", body, token=token)
    return str(json.loads(web.ask("POST", "/api/v1/twins", {"name": "Me"}, token=token)[2])["id"])


def send_in_part(url: str, token: str, offset: int, data: bytes, claimed: int) -> None:
    """PATCHes `data`, though the head claims more, and hangs up once the server has read it."""
    at = urlsplit(url)
    head = (
        f"PATCH {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {claimed}\r\n\r\n"
    )
    with socket.create_connection((at.hostname, at.port)) as line:
        line.sendall(head.encode() + data)
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):  # until the server hangs up too
            pass


def test_a_photo_cut_twenty_times_arrives_byte_by_byte(tmp_path: Path, wake_ups: list[Any]) -> None:
    from tusclient.client import TusClient

    from accounts.vault.vault import store
    from twins.models import Photo

    data = b"".join(n.to_bytes(4, "big") for n in range(SIZE // 4))
    web = Web(tmp_path)
    try:
        token = web.wait().sign_up("carol@example.com")
        where = f"http://127.0.0.1:{web.port}/api/v1/twins/{twin_of(web, token)}/uploads"
        client = TusClient(where, headers={"Authorization": f"Bearer {token}"})
        uploader = client.uploader(
            file_stream=io.BytesIO(data), metadata={"filename": "a.jpg"}, retries=9, retry_delay=1
        )
        url = uploader.create_url()
        uploader.set_url(url)
        reached = 0
        for cut in CUTS:
            offset = uploader.get_offset()
            reached = max(reached, offset)
            assert reached <= cut
            send_in_part(url, token, offset, data[offset:cut], SIZE - offset)
        assert reached > SIZE // 2  # what had arrived before the cuts was kept
        uploader.offset = uploader.get_offset()
        uploader.upload()
        photo = Photo.objects.get()
        assert store(photo.user_id).read(photo.quarantine) == data
        assert str(photo.id) == url.rpartition("/")[2]
    finally:
        web.stop()
