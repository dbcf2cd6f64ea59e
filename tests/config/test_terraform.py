"""The Terraform of deploy/terraform: it parses, and each variable and resource that it names is there.

`terraform validate` needs the provider, which CI fetches (.github/workflows/ci.yml).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TEXT = "\n".join(file.read_text() for file in FILES)


def blocks(kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in FILES:
        with file.open() as text:
            found += hcl2.load(text).get(kind, [])
    return found


def bare(name: str) -> str:
    return name.strip('"')


def variables() -> dict[str, dict[str, Any]]:
    return {bare(name): facts for block in blocks("variable") for name, facts in block.items()}


def test_each_variable_is_used_and_each_used_one_is_declared() -> None:
    assert set(re.findall(r"\bvar\.(\w+)", TEXT)) == variables().keys()


def test_each_variable_has_a_type_and_says_what_it_is() -> None:
    for name, facts in variables().items():
        assert facts["type"], name
        assert facts["description"], name


def test_each_resource_that_is_named_is_there() -> None:
    made = {
        f"{bare(kind)}.{bare(name)}"
        for block in blocks("resource")
        for kind, named in block.items()
        for name in named
    }
    assert set(re.findall(r"\b(google_\w+\.\w+)(?=[.\[])", TEXT)) <= made


@pytest.mark.parametrize(
    "promise",
    [
        'public_access_prevention    = "enforced"',
        "ipv4_enabled    = false",
        "point_in_time_recovery_enabled = true",
        "enable_private_nodes    = true",
        "total_min_node_count = 0",
    ],
)
def test_what_docs_promise_of_it_stands(promise: str) -> None:
    assert promise in TEXT
