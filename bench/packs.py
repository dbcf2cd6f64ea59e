"""Remakes the example pictures that the packs of headshots come with: `python -m bench.packs`.

They go to static/packs/. Run it again after new weights of the built-in engine, and after changes of the
delivered packs. Takes a few minutes on two cores.
"""

from __future__ import annotations

import io
import sys

from PIL import Image

from bench.house import ROOT, house

FOLDER = ROOT / "static" / "packs"


def main() -> int:
    with house():
        from django.core.management import call_command

        from generation.packs import delivered
        from generation.packs.models import PackPicture

        call_command("pack_previews", *delivered.CODES, engine=delivered.ENGINE)
        FOLDER.mkdir(exist_ok=True)
        for row in PackPicture.objects.select_related("pack"):
            picture = Image.open(io.BytesIO(bytes(row.data))).convert("RGB")
            name = delivered.path_of(row.pack.code, row.number)
            picture.save(ROOT / "static" / name, quality=84, method=6)
            print(name, *picture.size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
