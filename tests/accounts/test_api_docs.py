"""Every command of docs/api.md works."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from accounts.developers.scopes import Scope
from accounts.developers.services import create_key
from accounts.developers.signing import new_secret, signature
from tests.conftest import person

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.django_db(transaction=True)
def test_every_curl_line_works(live_server: Any) -> None:
    _row, key = create_key(person("alice@example.com"), name="guide", scopes=list(Scope))
    lines = re.findall(r"^curl .*$", GUIDE.read_text(), re.MULTILINE)
    assert len(lines) >= 4
    here = os.environ | {"KEY": key, "SITE": live_server.url}
    said = [subprocess.run(line, shell=True, capture_output=True, text=True, env=here) for line in lines]
    assert [(each.returncode, each.stderr) for each in said] == [(0, "")] * len(lines)
    assert "alice@example.com" in said[0].stdout


def test_the_receivers_lines_read_a_message() -> None:
    block = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(block, names)
    secret, now = new_secret(), int(time.time())
    signed = signature([secret], "msg_1", now, b'{"type":"webhook.test"}')
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signed}
    assert names["read"](secret, b'{"type":"webhook.test"}', headers) == {"type": "webhook.test"}
