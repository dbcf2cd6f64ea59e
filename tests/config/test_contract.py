"""The OpenAPI description: how it is served, its documentation page, and the README's examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def test_the_contract_is_served_with_an_etag(client: Any) -> None:
    first = client.get("/api/v1/openapi.json")
    assert first.json()["openapi"].startswith("3.1")
    assert client.get("/api/v1/openapi.json", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert client.post("/api/v1/openapi.json").json()["code"] == "method_not_allowed"


def test_the_documentation_page_needs_no_inline_code(client: Any) -> None:
    """So its content security policy is the same as on all pages."""
    page = client.get("/api/docs")
    assert "unsafe" not in page["Content-Security-Policy"]
    assert not re.search(rb"<style|<script>|style=", page.content)


def test_every_address_of_the_readme_is_in_the_contract(client: Any) -> None:
    paths = [re.sub(r"{\w+}", "X", p) for p in client.get("/api/v1/openapi.json").json()["paths"]]
    block = README.read_text().split("\napi=")[1].split("```")[0]
    used = {re.sub(r"\$\w+", "X", a).split("?")[0] for a in re.findall(r"\$api(/[\w/$-]*)", block)}
    assert len(used) > 10
    assert used <= {f"/{p.removeprefix('/api/v1/')}" for p in paths}
