"""Verifies any bytes: reads the signature and the mark, without the network."""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
from PIL import Image

from ml import clips, watermark
from ml.media import ask_child
from ml.provenance.certificates import GENERATOR, anchors_and_serials
from ml.provenance.signing import EDITED, OFFLINE, mime_of
from ml.provenance.verdict import Claim, Provenance, decide

MOST_PIXELS = 50_000_000
SAMPLED, FRAMES = 6, 12  # of a clip every sixth frame is read, at most twelve
# The only status that is not a fault: our root is on no public trust list.
UNLISTED = "signingCredential.untrusted"


def verify(data: bytes, picture: watermark.Picture | None = None, *, certificates: bytes = b"") -> Provenance:
    """The provenance of any bytes. Never raises, never uses the network.

    `picture` (H, W, 3) RGB uint8 saves decoding `data` (PNG, JPEG, WebP, at most 50 MP, or MP4).
    `certificates`: the chains of our signers (PEM, concatenated), see `known_certificates`; without them no
    signature is ours.
    """
    claim, signature = _read_claim(data, certificates)
    decoded, mark = _read_mark(data, picture)
    return decide(claim, signature, mark, decoded=decoded)


def verify_apart(data: bytes, *, certificates: bytes = b"") -> Provenance:
    """Runs `verify` in a child process limited to 2 GB and 20 s: untrusted bytes are not parsed in this
    process."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from ml.provenance import reading; reading.answer()"
    head = json.dumps({"certificates": certificates.decode("ascii", "replace")}).encode() + b"\n"
    try:
        said = json.loads(ask_child([sys.executable, "-c", code], head + data, seconds=20))
        return Provenance(**said | {"reasons": tuple(said["reasons"])})
    except (ValueError, TypeError, KeyError):
        return decide(None, "signature_invalid", None, decoded=False)


def answer() -> None:
    """The child process: reads one line of JSON and the file from stdin, prints the answer as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    certificates = json.loads(sys.stdin.buffer.readline())["certificates"].encode()
    print(json.dumps(asdict(verify(sys.stdin.buffer.read(), certificates=certificates))))


def _read_claim(data: bytes, certificates: bytes) -> tuple[Claim | None, str]:
    """(the claim of an intact signature of ours or None, the reason signature_*)."""
    mime = mime_of(data)
    if mime is None:
        return None, "signature_unread"
    anchors, serials = anchors_and_serials(certificates)
    settings: dict[str, Any] = {"verify": OFFLINE} | (
        {"trust": {"trust_anchors": anchors}} if anchors else {}
    )
    try:
        reader = c2pa.Reader.try_create(mime, io.BytesIO(data), context=c2pa.Context.from_dict(settings))
        if reader is None:
            return None, "signature_missing"
        with reader:
            return _judge(json.loads(reader.json()), serials)
    except Exception:
        # A third-party parser reads untrusted bytes: after any error the file counts as not signed.
        return None, "signature_invalid" if b"c2pa" in data else "signature_missing"


def _judge(report: dict[str, Any], serials: frozenset[str]) -> tuple[Claim | None, str]:
    faults = {status["code"] for status in report.get("validation_status", [])} - {UNLISTED}
    if any(code.endswith("Hash.mismatch") for code in faults):
        return None, "signature_broken"
    if faults or report.get("validation_state") not in ("Valid", "Trusted"):
        return None, "signature_invalid"
    manifest = report["manifests"][report["active_manifest"]]
    if GENERATOR not in [maker.get("name") for maker in manifest.get("claim_generator_info", [])]:
        return None, "signature_of_others"
    serial = manifest.get("signature_info", {}).get("cert_serial_number")
    if report["validation_state"] != "Trusted" or serial not in serials:
        return None, "signature_not_ours"
    return _claim(manifest), "signature_intact"


def _claim(manifest: dict[str, Any]) -> Claim:
    assertions = {item["label"]: item["data"] for item in manifest["assertions"]}
    made = assertions["c2pa.actions.v2"]["actions"][-1]
    return Claim(
        engine=str(made["softwareAgent"]["name"]),
        created=str(made["when"]),
        ident=int(assertions["c2pa.soft-binding"]["blocks"][0]["value"], 16),
        edited=made["digitalSourceType"] == EDITED,
    )


def _read_mark(data: bytes, picture: watermark.Picture | None) -> tuple[bool, watermark.Mark | None]:
    """(whether the pixels could be read, the mark)."""
    try:
        if picture is None and mime_of(data) == "video/mp4":
            return True, watermark.find_in_frames(islice(clips.decode(data, every=SAMPLED), FRAMES))
        return True, watermark.find(_decode(data) if picture is None else picture)
    except Exception:
        # Neither a picture nor a clip, too large, truncated, or of another type than it states.
        return False, None


def _decode(data: bytes) -> watermark.Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError("too many pixels")
            return np.asarray(image.convert("RGB"))
