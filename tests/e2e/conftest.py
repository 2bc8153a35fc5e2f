import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import procs, sshd  # noqa: E402
from lib.box import Box  # noqa: E402
from lib.netlab import Netlab, why_not  # noqa: E402
from lib.ptyterm import KITTY, PtyTerm  # noqa: E402

SOAK = os.environ.get("TERN_SOAK", "") not in ("", "0")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(programs): skipped when a program is missing")
    config.addinivalue_line("markers", "slow: begins before the others, so that nothing waits for it in the end")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionstart(session):
    procs.adopt_orphans()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + outcome.get_result().when, outcome.get_result())


@pytest.fixture(autouse=True)
def needed_programs(request):
    for mark in request.node.iter_markers("needs"):
        for program in mark.args:
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                pytest.skip(f"{program} is not installed")


@pytest.fixture
def box(request, needed_programs):
    for program in ("tern", "tern-server"):
        if not os.path.exists(os.path.join(os.environ.get("TERN_BUILD", "build"), program)):
            pytest.fail(f"{program} is not in $TERN_BUILD ({os.environ.get('TERN_BUILD', 'build')})")
    b = Box()
    yield b
    # After a failed test leftovers are its consequence, not a second failure.
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        print(b.log_text())  # pytest shows it with the failure
    b.close(check=report is not None and report.passed)


@pytest.fixture
def tmux(box):
    return box.tmux


@pytest.fixture
def terms(box):
    """Makes terminals that answer questions: terms(argv, answers, options...)."""
    made = []

    def make(argv, answers=KITTY, **more):
        made.append(PtyTerm(argv, box.env, answers, **more))
        return made[-1]
    yield make
    for t in made:
        t.close()


@pytest.fixture(scope="session")
def link_missing():
    return why_not()


@pytest.fixture
def netlab(box, link_missing):
    """A link with 20 ms round trip."""
    if link_missing:
        pytest.skip(link_missing)
    lab = Netlab(box.build, "rtt=20")
    box.before.add(lab.proc.pid)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def xterm():
    """One xterm for all tests of a worker; they use it one after the other."""
    from lib import xwindow
    yield from xwindow.judge.lent(pytest.skip)


@pytest.fixture(scope="session")
def keys():
    missing = sshd.why_not()
    if missing:
        pytest.skip(missing)
    k = sshd.Keys()
    yield k
    k.close()


@pytest.fixture
def hosts(box, keys):
    """Makes hosts to log in to: hosts(name="far", ...), see sshd.Host."""
    return lambda *words, **more: sshd.Host(box, keys, *words, **more)


@pytest.fixture
def outer(request, box):
    """A shell in a terminal, which has to be as it was when the test is through."""
    w = box.tmux.shell()
    before, stty = w.modes(), w.stty()
    yield w
    report = getattr(request.node, "report_call", None)
    if report is not None and report.passed:
        w.wait(lambda: w.modes() == before, what=f"the modes as before: {before}")
        w.wait(lambda: w.stty() == stty, what="stty as before")


@pytest.fixture(scope="session")
def soak():
    return SOAK
