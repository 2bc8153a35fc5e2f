"""Tests whose judge is another terminal: a real xterm under Xvfb, libvterm."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools", "xtermjudge"))
import xterm as judge  # noqa: E402


@pytest.fixture(scope="session")
def build():
    return os.path.abspath(os.environ.get("TERN_BUILD", os.path.join(ROOT, "build")))


@pytest.fixture(scope="session")
def soak():
    return os.environ.get("TERN_SOAK", "") not in ("", "0")


@pytest.fixture(scope="session")
def xterm():
    """One xterm for all tests of a worker; they use it one after the other."""
    yield from judge.lent(pytest.skip)
