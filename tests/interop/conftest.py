"""The fixtures of tests/e2e, and sessions between stock and our own binaries."""
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(os.path.dirname(HERE), "e2e")
for folder in (HERE, E2E):
    if folder not in sys.path:
        sys.path.insert(0, folder)

spec = importlib.util.spec_from_file_location("e2e_conftest", os.path.join(E2E, "conftest.py"))
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)
pytest_configure = e2e.pytest_configure
pytest_collection_modifyitems = e2e.pytest_collection_modifyitems
pytest_sessionstart = e2e.pytest_sessionstart
pytest_runtest_makereport = e2e.pytest_runtest_makereport
needed_programs, box, tmux, soak = e2e.needed_programs, e2e.box, e2e.tmux, e2e.soak

from moshes import Moshes  # noqa: E402


@pytest.fixture
def moshes(request, box):
    m = Moshes(box)
    yield m
    report = getattr(request.node, "report_call", None)
    m.close(check=report is not None and report.passed)
