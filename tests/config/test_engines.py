"""Which engines there are follows from the environment: bases on our machines, companies with a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.start import engines, env

NAMES = ("STUDIO_PROFILES", *(f"{who}_{what}" for who in ("FAL", "TOGETHER") for what in ("KEYS", "URL")))


def read(
    monkeypatch: pytest.MonkeyPatch, default: str = "nano", sources: tuple[str, ...] = (), **given: str
) -> tuple[list[str], list[str]]:
    """The engines and the services by these variables."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    remotes = engines.remotes()
    return engines.profiles(default, sources, remotes), list(remotes)


def test_without_anything_the_built_in_engine_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch) == (["nano"], [])


def test_a_key_and_a_directory_add_their_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, FAL_KEYS="a:b,c") == (["nano", "fal"], ["fal"])
    assert read(monkeypatch, sources=("flux-schnell", "nano")) == (["nano", "flux-schnell"], [])
    both = read(monkeypatch, "fal", FAL_KEYS="a", TOGETHER_KEYS="b")
    assert both == (["fal", "together"], ["fal", "together"])


def test_the_operator_chooses_and_orders_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"STUDIO_PROFILES": "together, nano,together", "TOGETHER_KEYS": "b", "FAL_KEYS": "a"}
    assert read(monkeypatch, **given) == (["together", "nano"], ["fal", "together"])


def test_a_key_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fal").write_text("secret:1\n")
    assert read(monkeypatch, FAL_KEYS_FILE=str(tmp_path / "fal"))[0] == ["nano", "fal"]


@pytest.mark.parametrize(
    ("default", "given", "named"),
    [
        ("boat", {}, "boat"),
        ("nano", {"STUDIO_PROFILES": "nano,boat"}, "boat"),
        ("nano", {"STUDIO_PROFILES": "nano,fal"}, "FAL_KEYS"),
        ("fal", {}, "FAL_KEYS"),
        ("nano", {"STUDIO_PROFILES": "flux-schnell"}, "STUDIO_PROFILES lacks nano"),
        ("nano", {"FAL_KEYS": "a\nb"}, "FAL_KEYS"),
        ("nano", {"FAL_KEYS": "a", "FAL_URL": "http://example.com"}, "FAL_URL"),
    ],
)
def test_engines_that_cannot_be_stop_the_start_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, default: str, given: dict[str, str], named: str
) -> None:
    with pytest.raises(env.Misconfigured) as e:
        read(monkeypatch, default, **given)
    assert named in str(e.value)
    assert str(e.value).endswith(".")
