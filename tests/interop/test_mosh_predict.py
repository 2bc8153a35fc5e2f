"""tern as mosh-client guesses what typed keys will do, by what a mosh-server tells: screens and echo acknowledgements."""
import os
import signal

import pytest

from lib.wait import stays
from moshes import PROMPT


@pytest.fixture
def halted():
    """Halts a server, so that nothing can come from it; it goes on at the end at the latest."""
    pids = []

    def halt(server, on=True):
        os.kill(server.pid, signal.SIGSTOP if on else signal.SIGCONT)
        pids.append(server.pid)

    yield halt
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


@pytest.mark.parametrize("server", ["stock", "ours"])
def test_guesses(moshes, halted, server):
    s = moshes.server(server)
    w = moshes.start("ours", s, env={"MOSH_PREDICTION_DISPLAY": "always"})

    def last():
        return [r for r in w.rows() if r][-1]

    w.line("echo $((6*7))")
    w.wait_row("42")
    w.wait_prompt(PROMPT)
    stays(lambda: last() == PROMPT, 0.5)  # until all of it is acknowledged
    halted(s)
    w.type("echo abd")
    w.keys("BSpace")
    w.type("c")
    w.wait(lambda: last() == f"{PROMPT} echo abc", 5)
    halted(s, False)
    w.keys("Enter")
    w.wait_row("abc")
    w.line("stty -echo; printf 'Password: '; read x; stty echo; echo got-$x")
    w.wait(lambda: last() == "Password:", 20)
    halted(s)
    w.type("secret")
    stays(lambda: "secret" not in w.text(), 1)
    halted(s, False)
    w.keys("Enter")
    w.wait_row("Password: got-secret")
    w.line("exit")
    assert w.finish() == 0


def test_it_can_be_turned_off(moshes, halted):
    s = moshes.server("ours")
    w = moshes.start("ours", s, env={"MOSH_PREDICTION_DISPLAY": "never"})
    w.line("echo $((6*7))")
    w.wait_row("42")
    w.wait_prompt(PROMPT)
    halted(s)
    w.type("abc")
    stays(lambda: "abc" not in w.text(), 1)
    halted(s, False)
    w.wait_row(f"{PROMPT} abc")
    w.keys("C-c")
    w.line("exit")
    assert w.finish() == 0
