"""`make run DOUBLES=1`: which doubles it starts, and where the programs find them."""

from __future__ import annotations

import os
import socket

import pytest

from config.start import doubles, supervisor
from config.start.parts import RunError


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """A shell in which none of these variables is set."""
    for name in (*doubles.NAMES, "DOUBLES"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_changes_without_doubles(tmp_path):
    startup = supervisor.checkout_startup(host="::", port=80, var=tmp_path)
    assert startup.doubles == ()
    assert "remote" not in {process.name for process in startup.programs}


@pytest.mark.parametrize("name, value", [("DOUBLES", "1"), ("FAL_KEYS", "a-key")])
def test_the_worker_of_hosted_engines_is_started_where_there_are_any(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    programs = supervisor.checkout_startup(host="::", port=80, var=tmp_path).programs
    assert "remote" in {process.name for process in programs}


def test_both_doubles_are_started_and_named_to_the_programs(tmp_path, monkeypatch):
    monkeypatch.setenv("DOUBLES", "1")
    found = supervisor.checkout_startup(host="::", port=80, var=tmp_path).doubles
    assert [double.process.name for double in found] == ["fal-double", "together-double"]
    for name in doubles.NAMES:
        monkeypatch.setenv(name, "")
    doubles.enter(found)
    fal, together = found
    assert os.environ["FAL_URL"] == fal.address
    assert os.environ["TOGETHER_URL"] == f"{together.address}/v1"
    assert {os.environ[f"{name}_KEYS"] for name in ("FAL", "TOGETHER")} == {*doubles.KEYS.values()}
    assert all(double.address in doubles.told(found) for double in found)


@pytest.mark.parametrize("name", ["FAL_KEYS", "FAL_URL"])
def test_a_service_that_is_set_is_not_replaced(tmp_path, monkeypatch, name):
    monkeypatch.setenv("DOUBLES", "1")
    monkeypatch.setenv(name, "mine")
    assert [double.service for double in doubles.wanted(tmp_path)] == ["together"]


def test_a_double_keeps_its_port_while_it_is_free(tmp_path):
    port = doubles.port_in(tmp_path)
    assert doubles.port_in(tmp_path) == port
    with socket.create_server((doubles.HOST, port)):
        assert doubles.port_in(tmp_path) != port


def test_outside_a_checkout_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("DOUBLES", "1")
    monkeypatch.setattr(doubles, "ROOT", tmp_path)
    with pytest.raises(RunError, match="checkout"):
        doubles.wanted(tmp_path)
