"""The phone's flow of docs/api.md works, line by line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import jpeg

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.django_db(transaction=True)
def test_a_phones_flow(alice: Any, live_server: Any, worker: None, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(10):
        (photos / f"{n}.jpg").write_bytes(jpeg(n))
    lines = GUIDE.read_text().split("## From a phone")[1].split("```sh\n")[1].split("```")[0]
    here = os.environ | {"SITE": live_server.url, "PHOTOS": str(photos)}
    here |= {"EMAIL": alice.email, "PASSWORD": "a long password"}
    command = ["bash", "-euxo", "pipefail", "-c", lines]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=here)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
