"""A session between two network namespaces that keeps on while the network does what networks do.
The bootstrap pipe leads through two relays that can be stopped, so that it fails like ssh's."""
import itertools
import os
import shlex
import signal
import time

import pytest

from lib import procs
from lib.wait import stays, wait_until

PROMPT = "inner$"


class Session:
    """tern in the client's namespace, tern-server in the server's."""

    def __init__(self, box, netlab, options="", up=True):
        self.box, self.lab = box, netlab
        self.count = itertools.count(1)
        os.symlink("/bin/cat", os.path.join(box.root, "bin", "piperelay"))
        server = shlex.join([*netlab.enter("s"), os.path.join(box.build, "tern-server")])
        # The shell must not hold the pipe open itself: it is dead when a relay is.
        box.script("srv", f'exec 3<&0 4>&1 </dev/null >/dev/null\n'
                   f'piperelay <&3 3<&- 4>&- | {server} "$@" 3<&- 4>&- | piperelay >&4 3<&- 4>&- &\n'
                   'exec 3<&- 4>&-\nwait')
        # not exec: the outer shell must not see it when a test stops tern
        box.script("tern-c", f'{shlex.join(netlab.enter("c"))} tern --local --server="exec srv" "$@"')
        self.w = box.tmux.shell()
        self.w.start(f"tern-c {options} -- inner")
        self.w.wait(lambda: [r for r in self.w.rows() if r][-1:] == [PROMPT], 30, "the session's prompt")
        if up:
            self.wait_udp()

    # ---- the network

    def udp(self):
        s = self.lab.stats("p0.c2s"), self.lab.stats("p0.s2c")
        return min(one["out_packets"] for one in s)

    def wait_udp(self, timeout=15):
        """Until datagrams have passed in both directions from now on."""
        self.lab.do("reset")
        wait_until(lambda: self.udp() >= 2, timeout, "UDP both ways", lambda: self.lab.ask("stats"))

    def relays(self):
        return procs.named("piperelay")

    def signal_pipe(self, number):
        for pid in self.relays():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # one relay's end is the other's

    def stop_pipe(self):
        """Bytes go nowhere, as over ssh without a network."""
        self.signal_pipe(signal.SIGSTOP)

    def continue_pipe(self):
        self.signal_pipe(signal.SIGCONT)

    def kill_pipe(self):
        self.signal_pipe(signal.SIGKILL)

    # ---- the user

    def echo(self, timeout=20):
        """Type a command, see its output; the seconds between."""
        n = next(self.count)
        start = time.monotonic()
        self.w.line(f"echo mark-{n}-$((6*7))")
        self.w.wait_row(f"mark-{n}-42", timeout)
        return time.monotonic() - start

    def leave(self, status=3):
        self.continue_pipe()
        self.w.line(f"exit {status}")
        assert self.w.finish(40) == status
        self.box.wait_no_server(30)


@pytest.fixture
def session(box, netlab):
    s = Session(box, netlab)
    yield s


def test_udp_is_used_and_needs_no_pipe(session):
    session.stop_pipe()
    session.lab.do("reset")
    session.echo()
    wait_until(lambda: session.udp() >= 2)
    session.leave()


def test_new_address(session):
    session.stop_pipe()
    session.echo()
    for addr in ("10.77.0.55", "10.77.9.9", "10.77.0.1"):
        session.lab.do(f"addr {addr}")
        assert session.echo() < 8
    session.leave()


def test_new_port(session):
    """The NAT forgets and maps anew; nothing on the client tells."""
    session.stop_pipe()
    session.echo()
    for shift in (1000, 2345, 0):
        session.lab.do(f"natport {shift}")
        assert session.echo() < 8
    session.leave()


def test_server_output_follows_a_silent_new_port(session):
    """The user types nothing; what the program prints must find the new port by itself."""
    session.w.line("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo tick-$i; sleep 1; done")
    session.w.wait_row("tick-1")
    session.stop_pipe()
    session.lab.do("natport 777")
    session.w.wait_row("tick-12", 30)
    session.leave()


def test_ipv4_to_ipv6_and_back(session):
    session.stop_pipe()
    session.echo()
    session.lab.do("deladdr 10.77.0.1", "deladdr 10.78.0.1 1")
    assert session.echo() < 15
    session.lab.do("addaddr 10.77.0.1", "deladdr fd77::1", "deladdr fd78::1 1")
    assert session.echo() < 15
    session.leave()


def test_other_interface(session):
    session.stop_pipe()
    session.echo()
    session.lab.do("ifdown 0")
    assert session.echo() < 8
    session.lab.do("ifup 0")
    assert session.echo() < 8
    session.leave()


def test_outage(session, soak):
    """No network at all: the bar counts, what is typed and printed meanwhile is there afterwards."""
    seconds = 60 if soak else 10
    session.w.line("sleep 2; echo printed in the dark")
    session.stop_pipe()
    session.lab.do("down")
    began = time.monotonic()
    session.w.type("echo typed in the d")
    session.w.wait_for("tern: Last contact", 20)
    session.w.type("ark")
    wait_until(lambda: time.monotonic() - began > seconds, seconds + 5)
    assert "tern: Last contact" in session.w.rows()[0]
    assert "printed in the dark" not in session.w.rows()
    session.lab.do("up")
    back = time.monotonic()
    session.w.wait_row("printed in the dark", 10)
    took = time.monotonic() - back
    assert took < 4.5, f"{took:.2f} s until the screen was right again"
    session.w.keys("Enter")
    session.w.wait_row("typed in the dark", 10)
    session.w.wait_gone("tern: Last contact")
    session.leave()


def test_outage_of_one_direction(session):
    session.stop_pipe()
    for direction in ("c2s", "s2c"):
        session.lab.do(f"{direction}.down")
        session.w.line(f"echo during-{direction}")
        session.w.wait_for("tern: Last ", 20)
        session.lab.do(f"{direction}.up")
        session.w.wait_row(f"during-{direction}", 10)
        session.w.wait_gone("tern: Last ")
    session.leave()


def test_address_and_port_change_during_an_outage(session):
    session.stop_pipe()
    session.lab.do("down")
    session.w.line("echo after all of that")
    session.w.wait_for("tern: Last contact", 20)
    session.lab.do("addr 10.77.3.3", "natport 4321", "up")
    session.w.wait_row("after all of that", 10)
    session.leave()


def test_all_udp_dropped_from_the_start(box, netlab):
    netlab.do("down")
    s = Session(box, netlab, up=False)
    for _ in range(3):
        s.echo()
    assert netlab.stats("p0.c2s")["out_packets"] == 0
    assert "tern:" not in s.w.rows()[0]
    s.leave()


def test_pipe_carries_on_when_udp_dies(session):
    session.echo()
    session.lab.do("down")
    assert session.echo() < 10
    session.lab.do("up")
    session.echo()
    session.wait_udp(30)
    session.stop_pipe()
    session.echo()
    session.leave()


def test_dead_pipe_is_replaced(session):
    """Both are gone: the client starts the server's command again, which joins the same session."""
    session.kill_pipe()
    session.echo()
    wait_until(lambda: len(session.relays()) >= 2, 30, "new relays")
    session.lab.do("down")
    session.echo(40)
    session.leave()


def test_loss_duplicates_and_reordering(session, box):
    session.stop_pipe()
    session.lab.do("rtt 60", "jitter 20", "loss 0.29", "dup 0.1", "reorder 0.2", "corrupt 0.02")
    got = box.file("got")
    text = "".join("%05d " % i for i in range(600))
    session.w.line(f"stty -echo; head -c {len(text)} > {got}; stty echo")
    wait_until(lambda: procs.named("head"), 30)
    for i in range(0, len(text), 60):
        session.w.type(text[i:i + 60])
    session.w.keys("Enter")
    wait_until(lambda: os.path.exists(got) and os.path.getsize(got) == len(text), 60, "all that was typed")
    assert open(got).read() == text
    session.echo(40)
    session.lab.do("loss 0", "jitter 0", "corrupt 0")
    session.leave()


def test_client_that_was_stopped(session):
    """As a laptop's sleep: the process stands still while the program goes on printing."""
    [client] = [p for p in session.box.clients()]
    session.w.line("for i in 1 2 3; do sleep 1; echo nap-$i; done")
    session.w.wait_row("nap-1")
    os.kill(client, signal.SIGSTOP)
    stays(lambda: "nap-3" not in session.w.rows(), 4)
    os.kill(client, signal.SIGCONT)
    session.w.wait_row("nap-3", 5)
    session.echo()
    session.leave()


def test_leaving_during_an_outage_keeps_the_session(session, box):
    session.stop_pipe()
    session.lab.do("down")
    session.w.line("x")
    session.w.wait_for("tern: Last contact", 20)
    session.w.keys("Enter")
    session.w.type("~.")
    assert session.w.finish() == 255
    assert "stay" in session.w.text() or "--attach" in session.w.text()
    [name] = box.session_names()
    assert box.run("tern", "--kill", name).returncode == 0
    session.continue_pipe()
    box.wait_no_server(30)


def test_leaving_when_an_outage_lasts_too_long(box, netlab):
    session = Session(box, netlab, "--outage-timeout=6")
    session.stop_pipe()
    session.lab.do("down")
    session.w.line("x")
    time.sleep(4)
    session.lab.do("up")
    session.w.line("")
    session.echo()  # it was shorter, and the next one is counted anew
    session.lab.do("down")
    session.w.line("x")
    assert session.w.finish(30) == 255
    [name] = box.session_names()
    assert f"tern: detached; tern --attach {name}" in session.w.text()
    assert box.run("tern", "--kill", name).returncode == 0
    session.continue_pipe()
    box.wait_no_server(30)
