"""tern HOST between network namespaces: UDP that is dropped, jump hosts, an sshd that dies."""
import itertools
import os
import shlex
import signal
import subprocess
import time

import pytest

from lib import procs
from lib.netlab import Netlab
from lib.sshd import PROMPT, UdpFilter
from lib.wait import stays, wait_until


class Net:
    """The far host in the server's namespace; `tern-c` is tern in the client's."""

    def __init__(self, box, lab, hosts, outer, **more):
        self.box, self.lab, self.w = box, lab, outer
        self.count = itertools.count(1)
        self.drop_c2s, self.drop_s2c = UdpFilter(lab.enter("s")), UdpFilter(lab.enter("c"))
        self.far = hosts("far", address=lab.SERVER4, enter=lab.enter("s"), port=2200, **more)
        for program in ("ssh", "tern"):
            box.script(f"{program}-c", f'{shlex.join(lab.enter("c"))} {program} -F $F "$@"')

    def enter(self, words="far", timeout=30):
        self.w.enter(f"tern-c {words}", PROMPT, timeout)
        assert self.box.servers()

    def udp(self, dropped, ways=("c2s", "s2c")):
        for way in ways:
            getattr(self, f"drop_{way}").set(dropped)

    def echo(self, timeout=20):
        n = next(self.count)
        self.w.line(f"echo mark-{n}-$((6*7))")
        self.w.wait_row(f"mark-{n}-42", timeout)

    def signal_ssh(self, number):
        for pid in procs.named("ssh"):
            os.kill(pid, number)

    def wait_without_ssh(self, timeout=30):
        """Until the session needs ssh no more: UDP carries it."""
        self.signal_ssh(signal.SIGSTOP)
        self.echo(timeout)

    def bar(self):
        return self.w.rows()[0] if self.w.rows()[0].startswith("tern: ") else ""

    def leave(self, status=3, timeout=40):
        self.signal_ssh(signal.SIGCONT)
        self.w.line(f"exit {status}")
        assert self.w.finish(timeout) == status
        self.box.wait_no_server(30)
        wait_until(lambda: not procs.named("ssh"), 15, "no ssh left")


@pytest.fixture
def net(box, netlab, hosts, outer):
    return Net(box, netlab, hosts, outer)


def test_udp_is_used(net):
    net.enter()
    net.wait_without_ssh()
    net.leave()
    assert net.far.logins() == 1


@pytest.mark.parametrize("ways", [("c2s",), ("s2c",), ("c2s", "s2c")], ids="+".join)
def test_udp_dropped_from_the_start(net, ways):
    """On the pipe, without a word in the bar; UDP is taken when the firewall opens."""
    net.udp(True, ways)
    net.enter()
    for _ in range(3):
        net.echo()
    stays(lambda: not net.bar(), 2)
    net.w.line("seq 1 20000; echo the end")
    net.w.wait_row("the end", 30)
    if len(ways) == 2:
        net.udp(False)
        net.wait_without_ssh(60)
    net.leave()
    assert net.far.logins() == 1


def test_udp_dropped_later(net):
    net.enter()
    net.echo()
    net.udp(True)
    net.echo(30)
    net.echo()
    net.leave()


def test_ipv6_host(net, hosts):
    hosts("six", address=net.lab.SERVER6, enter=net.lab.enter("s"), port=2206)
    net.enter("six")
    net.wait_without_ssh()
    net.leave()


def test_host_name_with_a_dead_family(net):
    """ssh went by IPv4 although the name has IPv6 too, where nothing answers."""
    net.lab.do("deladdr fd77::1", "deladdr fd78::1 1")
    net.enter()
    net.wait_without_ssh()
    net.leave()


def test_sshd_dies_and_udp_goes_on(net):
    net.enter()
    net.wait_without_ssh()
    net.signal_ssh(signal.SIGCONT)
    net.far.kill()
    net.echo()
    stays(lambda: not net.bar(), 3)
    net.echo()
    net.leave()


def test_sshd_dies_without_udp_and_comes_back(net):
    """The session waits, the bar says so; a new ssh joins it."""
    net.udp(True)
    net.enter()
    net.echo()
    net.far.kill()
    net.w.wait(net.bar, 20, "the bar")
    net.w.line("echo typed meanwhile")
    stays(lambda: "typed meanwhile" not in net.w.rows(), 1)
    net.w.wait(lambda: "no login: " in net.bar() and "Connection refused" in net.bar(), 20,
               "why it does not come back")
    net.far.start()
    net.w.wait_row("typed meanwhile", 60)
    net.w.wait(lambda: not net.bar(), 10, "no bar")
    net.echo()
    net.leave()


@pytest.mark.needs("openssl")
def test_join_that_would_have_to_ask(box, netlab, hosts, outer):
    """Without UDP and with a password: nobody is asked in the middle of a screen, the bar tells."""
    net = Net(box, netlab, hosts, outer, password="right", config="PasswordAuthentication yes")
    net.udp(True)
    outer.start("tern-c -o PubkeyAuthentication=no far")
    outer.wait_for("password:")
    outer.line("right")
    outer.wait_prompt(PROMPT, 30)
    net.echo()
    net.signal_ssh(signal.SIGKILL)
    outer.wait(lambda: "no login: " in net.bar() and "Permission denied" in net.bar(), 30,
               "a bar that says that a login would have to ask")
    assert outer.text().count("password:") <= 1
    net.udp(False)
    outer.wait(lambda: not net.bar(), 30, "no bar")
    net.echo()
    net.leave()


@pytest.fixture
def jump(net, hosts):
    """Host `far` becomes one that only `hop` can reach, by TCP through its sshd: a third namespace
    behind the server's, between which nothing is routed."""
    name = f"{net.lab.name}-t"
    inner = ["ip", "netns", "exec", name]

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    ip("netns", "add", name)
    try:
        ip("-n", f"{net.lab.name}-s", "link", "add", "down0", "type", "veth", "peer", "name", "up0", "netns", name)
        for ns, dev, addr in ((f"{net.lab.name}-s", "down0", "10.55.0.1/24"), (name, "up0", "10.55.0.2/24")):
            ip("-n", ns, "addr", "add", addr, "dev", dev)
            ip("-n", ns, "link", "set", dev, "up")
        ip("-n", name, "link", "set", "lo", "up")
        hosts("hop", address=net.lab.SERVER4, enter=net.lab.enter("s"), port=2201, server=False)
        yield hosts("deep", address="10.55.0.2", enter=inner, port=2202)
    finally:
        subprocess.run(["ip", "netns", "del", name])


@pytest.mark.parametrize("how", ["option", "configuration", "command"])
def test_jump_host(net, jump, how):
    words = "deep"
    if how == "option":
        words = "-J hop deep"
    elif how == "configuration":
        jump.ssh_config("Host deep\n  ProxyJump hop\n")
    else:
        jump.ssh_config(f"Host deep\n  ProxyCommand ssh -F {net.box.env['F']} -W %h:%p hop\n")
    net.enter(words)
    for _ in range(3):
        net.echo()
    stays(lambda: not net.bar(), 2)
    net.w.line("seq 1 20000; echo the end")
    net.w.wait_row("the end", 30)
    net.leave()
    assert jump.logins() == 1


def test_two_jumps(net, jump, hosts):
    hosts("hop2", address="127.0.0.1", enter=net.lab.enter("s"), port=2203, server=False)
    net.enter("-J hop,hop2 deep")
    net.echo()
    net.leave()
    assert jump.logins() == 1


def test_outage_through_a_jump_host(net, jump):
    net.enter("-J hop deep")
    net.echo()
    net.lab.do("down")
    net.w.line("echo typed meanwhile")
    net.w.wait(net.bar, 20, "the bar")
    net.lab.do("up")
    net.w.wait_row("typed meanwhile", 60)
    net.leave(timeout=60)


def test_slow_link_costs_one_round_trip_more_than_the_login(box, hosts, outer, link_missing):
    """On 300 ms the pipe is used at once: no waiting for UDP, nor for its time-outs."""
    if link_missing:
        pytest.skip(link_missing)
    lab = Netlab(box.build, "rtt=300")
    box.before.add(lab.proc.pid)
    box.on_close(lab.close)
    w, took = outer, {}
    net = Net(box, lab, hosts, w)
    for program, words in (("ssh", "-t far 'echo here; read x'"), ("tern", "-t far 'echo here; read x'")):
        w.clear()
        start = time.monotonic()
        w.start(f"{program}-c {words}")
        w.wait_row("here", 30)
        took[program] = time.monotonic() - start
        w.keys("Enter")
        assert w.finish() == 0
    assert took["tern"] < took["ssh"] + 1.5, took
    box.wait_no_server()
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")  # before the link goes
    assert net.far.logins() == 2
