"""The environment that `make run` writes for `manage.py`."""

from __future__ import annotations

import os

import pytest

from config.start import checkout

RUN = {"DATABASE_URL": "postgresql://of/run", "REDIS_URL": "redis://of/0", "SECRET_KEY_FILE": "/of/run"}


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """A shell in which none of these variables is set."""
    for name in (*checkout.NAMES, "VAR", "ORIGIN"):
        monkeypatch.setenv(name, "")


def publish(var, monkeypatch):
    with monkeypatch.context() as of_run:
        for name, value in RUN.items():
            of_run.setenv(name, value)
        checkout.publish(var)


def taken_over():
    return {name: os.environ[name] for name in checkout.NAMES if os.environ[name]}


def test_join_takes_over_the_environment_of_a_running_make_run(tmp_path, monkeypatch):
    with checkout.claimed(tmp_path) as claimed:
        publish(tmp_path, monkeypatch)
        checkout.join(tmp_path)
    assert claimed
    assert taken_over() == RUN
    assert (tmp_path / "environment").read_text() == ""
    assert (tmp_path / "environment").stat().st_mode & 0o777 == 0o600


def test_join_ignores_the_environment_of_a_killed_make_run(tmp_path, monkeypatch):
    publish(tmp_path, monkeypatch)
    checkout.join(tmp_path)
    assert taken_over() == {}


def test_join_does_not_mix_two_installations(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")
    with checkout.claimed(tmp_path):
        publish(tmp_path, monkeypatch)
        checkout.join(tmp_path)
    assert taken_over() == {"REDIS_URL": "redis://elsewhere/0"}


def test_only_one_process_can_claim_a_folder(tmp_path):
    with checkout.claimed(tmp_path) as first, checkout.claimed(tmp_path) as second:
        assert (first, second) == (True, False)
    with checkout.claimed(tmp_path) as again:
        assert again


def test_join_does_nothing_without_a_folder(tmp_path):
    checkout.join(tmp_path / "var")
    assert taken_over() == {}
    assert not (tmp_path / "var").exists()


def test_join_takes_over_more_settings_but_not_from_a_shell_that_has_them(tmp_path, monkeypatch):
    with checkout.claimed(tmp_path):
        with monkeypatch.context() as of_run:
            for name, value in (RUN | {"FAL_URL": "http://of/run", "FAL_KEYS": "of-run"}).items():
                of_run.setenv(name, value)
            checkout.publish(tmp_path, "FAL_URL", "FAL_KEYS")
        monkeypatch.setenv("FAL_KEYS", "mine")
        monkeypatch.setenv("FAL_URL", "")
        checkout.join(tmp_path)
    assert (os.environ["FAL_URL"], os.environ["FAL_KEYS"]) == ("http://of/run", "mine")
