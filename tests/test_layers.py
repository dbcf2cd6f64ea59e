"""Who may import whom: STYLE.md section 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import imports
from tests.imports import Import

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "billing", "moderation", "twins", "gallery", "generation", "support")
TOPS = ("ml", "config", *APPS)

# Each floor imports only from itself and from floors before it.
FLOORS: list[tuple[str, ...]] = [
    ("ml",),
    ("config.errors", "config.querysets", "config.logs", "config.reports", "config.traces", "config.sending"),
    ("config.runs", "config.web", "config.registry", "config.studio"),
    *((app,) for app in APPS),
    # The roof may import everything. `config` itself is here because config/apps.py imports the Celery
    # application.
    ("config", "config.urls", "config.asgi", "config.celery", "config.management"),
]
# `config.start` starts processes and databases, so only the settings and the release may import it.
START = "config.start"
MAY_START = ("config.start", "config.settings", "config.management.commands.release")

DOOR = "config.studio"  # the one module that may open ml's doors
TORCH_FREE = (
    "types",
    "errors",
    "animation",
    "motions",
    "clips",
    "moving",
    "catalogue",
    "demonstration",
    "avatar.avatar",
    "avatar.fit",
    "avatar.drawings",
    "avatar.traits",
    "avatar.views",
    "fingerprint",
    "nets.scales",
    "sameness",
    "measures",
    "alike",
    "languages",
    "prompts",
    "safety",
    "media",
    "pdq",
    "overlay",
    "edit",
    "finish",
    "begin_clip",
    "finish_clip",
    "provenance",
    "words.screening",
    "fetch",
    "selection",
    "lorafile",
    "remote.addresses",
    "remote.settings",
    "remote.webhooks",
    "remote.http",
    "remote.failures",
    "remote.keys",
    "remote.circuit",
    "remote.fal",
    "remote.together",
    "remote.lora",
    "remote.clips",
    "remote.desk",
    "remote.engine",
    "restore.weights",
)

# Floors inside ml. `nano` (how the base is trained) is last, so rendering code cannot import it.
ML: list[tuple[str, ...]] = [
    tuple(f"ml.{name}" for name in floor.split())
    for floor in (
        "types errors animation motions",
        "sizes vocabulary words languages catalogue",
        "lorafile measures pdq copies overlay sameness alike watermark decoding edit regions media clips"
        " moving safety provenance prompts nets nudity drawn fingerprint",
        "avatar demonstration",
        "oom faces likeness heads liveness selfie finish begin_clip finish_clip selection",
        "judge engine",
        "restore",
        "local remote hub depot needs fetch",
        "commands",
        "__main__",
        "nano",
    )
]
# Libraries that functions may import at first use, because importing them takes seconds.
LATE = [
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "tokenizers",
    "peft",
    "safetensors",
    "facenet_pytorch",
    "nudenet",
    "onnxruntime",
    "spandrel",
    "spandrel_extra_arches",
    "ml.decoding.coded",  # NumPy in the decoder's child, for the few pictures with such colours
    "ml.decoding.tiff",  # Pillow's reader of TIFF takes a sixth of the decoder's start time
    "pillow_heif",  # a third of the decoder's start time; most uploads are JPEG and need none
]
BY_NAME = "ml.__main__"  # imports the requested command by name

# Floors inside an app and inside each of its sub-packages.
FACES = ("api", "views", "admin")
INSIDE = [("models",), ("tasks",), ("services",), FACES]


@pytest.fixture(scope="module")
def house() -> list[Import]:
    return imports.read(ROOT, TOPS)


def of(house: list[Import], *tops: str) -> list[Import]:
    return [one for one in house if one.module.startswith(tuple(f"{top}." for top in tops))]


def test_every_import_goes_left(house: list[Import]) -> None:
    assert imports.wrong_way(house, FLOORS) == []


def test_settings_alone_know_what_starts_databases(house: list[Import]) -> None:
    wrong = [
        str(one) for one in house if one.target.startswith(START) and not one.module.startswith(MAY_START)
    ]
    assert wrong == []


def test_apps_use_only_what_is_free_of_torch_in_ml(house: list[Import]) -> None:
    free = ("ml", *(f"ml.{name}" for name in TORCH_FREE))
    used = [one for one in of(house, "config", *APPS) if one.target.split(".")[0] == "ml"]
    assert [str(one) for one in used if one.module != DOOR and one.target not in free] == []


@pytest.fixture(scope="module")
def at_top(house: list[Import]) -> dict[str, set[str]]:
    return imports.graph(one for one in house if not one.hidden)


@pytest.mark.parametrize("name", TORCH_FREE)
def test_what_apps_use_of_ml_loads_no_torch(at_top: dict[str, set[str]], name: str) -> None:
    found = {target.split(".")[0] for target in imports.reachable(at_top, f"ml.{name}")}
    assert not found & set(LATE)


def test_inside_ml_every_import_goes_left(house: list[Import]) -> None:
    assert imports.wrong_way(of(house, "ml"), ML) == []


def test_every_module_of_ml_has_its_floor() -> None:
    names = [name for name in imports.modules(ROOT, ["ml"]) if name != "ml"]
    assert [name for name in names if imports.rank(name, ML) is None] == []


def test_there_are_no_circles(house: list[Import]) -> None:
    at_top = [one for one in house if not one.hidden or one.module.startswith("ml.")]
    assert imports.circles(at_top) == []


def test_nothing_in_ml_is_imported_in_functions_but_torch(house: list[Import]) -> None:
    found = [one for one in of(house, "ml") if one.module != BY_NAME]
    assert imports.hidden(found, LATE) == []


@pytest.mark.parametrize("door", ["ml.judge", "ml.engine", "ml.finish"])
def test_checking_a_photo_imports_neither_drawing_nor_training(house: list[Import], door: str) -> None:
    found = imports.reachable(imports.graph(house), door)
    assert [name for name in sorted(found) if name.startswith(("ml.drawn", "ml.nano", "ml.local"))] == []


def neighbours(found: list[Import]) -> list[tuple[str, str, Import]]:
    """(importer, imported, import) by last name, for imports inside one package."""
    names = [(one.module.rpartition("."), one.target.rpartition("."), one) for one in found]
    return [(mine, theirs, one) for (here, _, mine), (there, _, theirs), one in names if here == there]


def inside_apps(found: list[Import]) -> list[str]:
    """Imports inside one package against the order models, tasks, services, faces."""
    out = []
    for mine, theirs, one in neighbours(found):
        low, high = imports.rank(mine, INSIDE), imports.rank(theirs, INSIDE)
        if low is not None and high is not None and high > low:
            out.append(str(one))
    return out


def between_faces(found: list[Import]) -> list[str]:
    return [
        str(one) for mine, theirs, one in neighbours(found) if mine != theirs and {mine, theirs} <= {*FACES}
    ]


def test_inside_an_app_faces_use_services_and_services_use_models(house: list[Import]) -> None:
    assert inside_apps(of(house, *APPS)) == []


def test_what_two_faces_share_lies_in_neither(house: list[Import]) -> None:
    assert between_faces(of(house, *APPS)) == []


def test_the_web_process_has_no_torch() -> None:
    """Runs in a new process, because this one may have loaded torch already."""
    program = (
        "import sys, config.asgi, config.urls;"
        "found = {'torch', 'diffusers', 'transformers'} & set(sys.modules); sys.exit(', '.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- the finders find


def tree(root: Path, **files: str) -> list[Import]:
    """The imports of a small package `p`. `files`: module name -> source."""
    (root / "p").mkdir()
    (root / "p" / "__init__.py").touch()
    for name, text in files.items():
        (root / "p" / f"{name}.py").write_text(text)
    return imports.read(root, ["p"])


def test_a_circle_is_found_also_when_one_of_its_imports_is_hidden(tmp_path: Path) -> None:
    late = "def f():\n    from p.a import x\n"
    found = tree(tmp_path, a="from p.b import y\nx = 1\n", b="import p.c\ny = 1\n", c=late, d="import p.a\n")
    assert imports.circles(found) == ["p.a <-> p.b <-> p.c"]


def test_a_circle_of_annotations_alone_is_none(tmp_path: Path) -> None:
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import x\n"
    assert imports.circles(tree(tmp_path, a="import p.b\n", b=typed)) == []


def test_a_hidden_import_is_found_and_torch_is_not_one(tmp_path: Path) -> None:
    text = "import os\n\nclass C:\n    def f(self):\n        import torch\n        from p import b\n"
    assert imports.hidden(tree(tmp_path, a=text, b=""), ["torch"]) == ["p.a:6 imports p.b"]


def test_an_import_by_a_name_made_at_run_time_is_found(tmp_path: Path) -> None:
    text = "import importlib\n\ndef f(name):\n    return importlib.import_module(name)\n"
    assert imports.hidden(tree(tmp_path, a=text), []) == ["p.a:4 imports (a name made at run time)"]


def test_a_wrong_way_import_is_found_wherever_it_stands(tmp_path: Path) -> None:
    low = "def f():\n    import p.high.x\n"
    found = tree(tmp_path, low=low, high="import p.low\n")
    assert imports.wrong_way(found, [("p.low",), ("p.high",)]) == ["p.low:2 imports p.high"]


def test_services_that_import_an_api_are_found(tmp_path: Path) -> None:
    found = tree(
        tmp_path, services="from p import api, models\n", api="from p import views\n", models="", views=""
    )
    assert inside_apps(found) == ["p.services:1 imports p.api"]
    assert between_faces(found) == ["p.api:1 imports p.views"]
