"""What the documentation names is there: files, links and their headings, functions, commands and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from support.help import library

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/results/*.md")]
    + [ROOT / "clients/python/README.md", ROOT / "ml/nano/CARD.md"]
)
OURS = {path.parent.name for path in ROOT.glob("*/__init__.py")}
# Where a path in a page may begin, beside the page's own folder.
BASES = [ROOT / base for base in ("", "tests", "ml", "docs", "accounts", "deploy/chart")]
MADE = {"out/", "public/", "var/log/"}  # folders that the product makes
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")
CLUSTER = {"helm", "kubectl", "terraform", "gcloud"}
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code_in(page: Path) -> list[str]:
    """Each line of a block and each span of code."""
    text = page.read_text()
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\\\n\s*", " ", "\n".join(blocks)).splitlines()
    return [line.split("  #")[0].strip() for line in lines] + re.findall(r"`([^`\n]+)`", rest)


@cache
def anchors(page: Path) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"\[([^]]+)\]\([^)]*\)|[`*]", r"\1", head) for head in heads)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in plain}


@named
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _hash, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if re.match(r"https?:|mailto:|help:|page:|clip:|shot:", link):
            continue
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert not broken


@named
def test_every_file_and_function_is_there(page: Path) -> None:
    lost = []
    for span in code_in(page):
        found = re.fullmatch(r"([\w./-]+\.(?:py|md|sh|yaml|html))(?:(?:::|: )([\w.]+))?", span)
        if not found or PLACEHOLDER.search(span):
            continue
        name, function = found.groups()
        files = [base / name for base in (*BASES, page.parent) if (base / name).is_file()]
        if not files and "/" not in name:
            files = anywhere(name)
        if not files or (function and not any(defines(file, function) for file in files)):
            lost.append(span)
    assert not lost


@named
def test_every_folder_is_there(page: Path) -> None:
    said = {span for span in code_in(page) if re.fullmatch(r"[a-z][\w./-]*/", span)}
    places = (*BASES, page.parent)
    assert not {span for span in said - MADE if not any((base / span).is_dir() for base in places)}


@cache
def anywhere(name: str) -> list[Path]:
    tops = OURS | {"clients", "deploy", "docker", "templates"}
    return [file for top in sorted(tops) for file in (ROOT / top).rglob(name)]


def defines(file: Path, name: str) -> bool:
    text = file.read_text()
    return all(re.search(rf"(?:def |class |^){part}\b", text, re.MULTILINE) for part in name.split("."))


# ---------------------------------------------------------------- commands


def options_in(words: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", words))


def commands_of(pattern: str, page: Path) -> Iterator[tuple[str, set[str]]]:
    """(name, options) of each use."""
    for code in code_in(page):
        for name, words in re.findall(rf"(?<![\w/]){pattern}([^;|&<]*)", code):
            yield name, options_in(words)


@cache
def options_of(command: str) -> set[str]:
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    return {text for action in parser._actions for text in action.option_strings}


@named
def test_every_command_of_manage_has_its_options(page: Path) -> None:
    said = list(commands_of(r"manage\.py ([a-z_]+)", page))
    unknown = [name for name, _options in said if name not in get_commands()]
    assert not unknown
    assert not {(name, option) for name, options in said for option in options - options_of(name)}


@named
def test_every_module_that_is_run_has_its_options(page: Path) -> None:
    wrong = []
    for name, options in commands_of(r"python3? -m ([\w.]+)", page):
        if name.partition(".")[0] not in OURS or PLACEHOLDER.search(name):
            continue
        spec = find_spec(f"{name}.__main__" if (ROOT / name.replace(".", "/")).is_dir() else name)
        source = sources(Path(str(spec.origin))) if spec else ""
        wrong += [name] if not spec else [f"{name} {each}" for each in options if f'"{each}"' not in source]
    assert not wrong


@cache
def sources(module: Path) -> str:
    """The program itself and, where it has them, the modules of its verbs."""
    return "".join(file.read_text() for file in (module, *module.parent.glob("commands/*.py")))


@named
def test_every_target_of_make_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = {name for code in code_in(page) for name in re.findall(r"(?:^|[\w=] |&& )make ([a-z]+)", code)}
    assert said <= targets


def test_what_needs_a_cluster_stands_on_a_page_that_says_so() -> None:
    pages = {page for page in PAGES for code in code_in(page) if code.split(" ")[0] in CLUSTER}
    assert pages
    for page in pages:
        assert "cluster" in page.read_text().lower(), page


# ---------------------------------------------------------------- the guide, and what was attacked


def test_the_guide_leads_to_every_article() -> None:
    guide = (ROOT / "docs/user-guide/README.md").read_text()
    articles = {file.name for file in (library.ROOT / "en").glob("*.md")}
    assert set(re.findall(r"articles/en/([\w-]+\.md)", guide)) == articles


def test_every_attack_has_its_row_and_its_result() -> None:
    modules = [file.read_text() for file in (ROOT / "bench/attacks").glob("*.py")]
    codes = [code for text in modules for code in re.findall(r'@attack\(\s*"(\w+)"', text)]
    assert len(set(codes)) == len(codes) > 60
    rows = set(re.findall(r"^\| (\w+) \|", (ROOT / "bench/results/attack.md").read_text(), re.MULTILINE))
    assert set(codes) <= rows
    threats = set(re.findall(r"\b[A-Z][A-Z0-9]?[0-9]+[a-z]?\b", (ROOT / "docs/security.md").read_text()))
    assert set(codes) <= threats
