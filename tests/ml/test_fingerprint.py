"""The fingerprint of a base changes with its weights, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ml.catalogue import BASES
from ml.fingerprint import LENGTH, fingerprint


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    base, file = replace(BASES["nano"], source=str(tmp_path)), tmp_path / "vae" / "model.safetensors"
    assert fingerprint(base) == ""
    file.parent.mkdir()
    file.write_bytes(bytes(100_000))
    first = fingerprint(base)
    assert len(first) == LENGTH
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "decoder.safetensors").write_bytes(b"a better decoder")
    assert fingerprint(base) == first
    file.write_bytes(bytes(50_000) + b"\1" * 50_000)
    assert fingerprint(base) != first


def test_a_pinned_base_goes_by_its_revision_and_a_service_has_none() -> None:
    base = BASES["flux-schnell"]
    assert fingerprint(base) == fingerprint(replace(base)) != fingerprint(replace(base, revision="0"))
    assert fingerprint(replace(base, revision=None)) == ""
    assert fingerprint(BASES["fal"]) == ""
