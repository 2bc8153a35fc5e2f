"""Stock and our own client and server over a bad network: udprelay is in between."""
import os
import re
import signal

import pytest

from lib import procs
from lib.wait import stays, wait_until
from moshes import MIXED, NAMES, Relay

mixed = pytest.mark.parametrize("client,server", MIXED, ids=NAMES[:2])


def session(moshes, client, server, settings=""):
    s = moshes.server(server)
    relay = Relay(moshes.box, s.port, settings)
    return moshes.start(client, s, relay.port), relay, s


def leave(w, s):
    w.line("exit")
    assert w.finish() == 0
    s.wait_end()


def wait_silent(w, seconds):
    """Until the bar counts that many."""
    def silent():
        m = re.search(r"^mosh: Last contact (\d+) seconds ago\. \[To quit: Ctrl-\^ \.\]", w.text(), re.M)
        return m and int(m[1]) >= seconds

    w.wait(silent, seconds + 10, f"{seconds} seconds in the bar")


def test_outage(moshes):
    """Twenty seconds in both combinations at the same time. Clients hop to new ports meanwhile."""
    all_of_them = [session(moshes, *combo) for combo in MIXED]
    for w, relay, _ in all_of_them:
        w.line("for i in $(seq 5); do echo line $i; done")
        w.wait_row("line 5")
        relay.do("down")
        w.type("echo typed $((6*7))")
    for w, _, _ in all_of_them:
        wait_silent(w, 7)
        w.keys("Enter")
    for w, relay, _ in all_of_them:
        wait_silent(w, 20)
        relay.do("up")
    for w, relay, s in all_of_them:
        w.wait_row("typed 42", 10)
        w.wait_gone("mosh:")
        leave(w, s)


@mixed
def test_loss(moshes, client, server):
    w, relay, s = session(moshes, client, server, "rtt=40")
    relay.do("loss 0.29")
    for i in range(12):
        w.type(f"echo key by key {i}\r")
    w.wait_row("key by key 11", 30)
    w.line("seq 20000; printf '\\033]2;done\\a'")
    wait_until(lambda: w.title() == "[mosh] done", 30, "the end of a flood", w.text)
    w.wait_row("20000")
    w.resize(70, 20)
    w.line("stty size")
    w.wait_row("20 70")
    assert relay.stats()
    relay.do("loss 0")  # stock acknowledges an end once: a lost one would be an unclean end
    w.line("echo and on")
    w.wait_row("and on")
    leave(w, s)


@mixed
def test_new_port_and_address(moshes, client, server):
    w, relay, s = session(moshes, client, server)
    for i, where in enumerate(["", " 127.0.0.9", ""]):
        relay.do("rebind" + where)
        w.line(f"echo moved $(({i}+1)) times")
        w.wait_row(f"moved {i + 1} times", 10)
    leave(w, s)


def test_client_killed(moshes):
    """The server's network time-out ends the session; without one the program goes on."""
    env = {"MOSH_SERVER_NETWORK_TMOUT": "2"}
    ends = [(moshes.server(kind, env=env), moshes.server(kind)) for kind in ("ours", "stock")]
    for s, forever in ends:
        for one in s, forever:
            w = moshes.start("ours" if s.kind == "stock" else "stock", one)
            wait_until(lambda: procs.named("mosh-client"), 5, "the client")
            for pid in procs.named("mosh-client"):
                os.kill(pid, signal.SIGKILL)
            assert w.finish() == 137
    for s, _ in ends:
        s.wait_end(12)
    for _, forever in ends:
        assert forever.alive()


@pytest.mark.parametrize("server", ["ours", "stock"])
def test_signals_for_the_server(moshes, server):
    """SIGUSR1 ends it only when the client was silent for so long; SIGTERM always, in good order."""
    s = moshes.server(server, env={"MOSH_SERVER_SIGNAL_TMOUT": "5"})
    w = moshes.start("ours" if server == "stock" else "stock", s)
    os.kill(s.pid, signal.SIGUSR1)
    stays(s.alive, 0.5, "a client that speaks keeps the session")
    w.line("echo still there")
    w.wait_row("still there")
    os.kill(s.pid, signal.SIGTERM)
    assert w.finish() == 0
    s.wait_end()
    s = moshes.server(server)
    w = moshes.start("ours" if server == "stock" else "stock", s)
    os.kill(s.pid, signal.SIGUSR1)
    assert w.finish() == 0
    s.wait_end()
