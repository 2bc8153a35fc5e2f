import json
import os
import select
import socket
import subprocess
import threading
import time

import pytest

from lab import Program, in_namespace, receive, tool, why_no_link

missing = why_no_link()
pytestmark = pytest.mark.skipif(missing is not None, reason=str(missing))

SERVER4, SERVER6 = "10.99.0.1", "fd99::1"


class Link:
    def __init__(self, *settings):
        self.name = f"llt{os.getpid()}"
        subprocess.run([tool("linklab"), "clean", self.name], check=True)
        self.link = Program([tool("linklab"), "start", self.name, "seed=7", *settings],
                            f"/run/linklab-{self.name}.sock")
        self.do, self.ask = self.link.do, self.link.ask

    def socket(self, side, kind=socket.SOCK_DGRAM, addr="", dev=None):
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET

        def make():
            s = socket.socket(family, kind)
            if dev:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
            s.bind((addr, 0))
            return s

        return in_namespace(f"{self.name}-{side}", make)

    def stats(self):
        return json.loads(self.ask("stats"))


class Echo:
    """A UDP server that answers in a thread of its own; remembers who wrote last."""

    def __init__(self, link, addr):
        self.sock = link.socket("s", addr=addr)
        self.address = (addr, self.sock.getsockname()[1])
        self.peer = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop.is_set():
            got = receive(self.sock, 0.05)
            if got:
                self.peer = got[1]
                self.sock.sendto(got[0], got[1])

    def rtt(self, sock, timeout=3):
        """Seconds, or None when no answer came."""
        mark = os.urandom(8)
        start = time.monotonic()
        sock.sendto(mark, self.address)
        while True:
            got = receive(sock, max(0, start + timeout - time.monotonic()))
            if got is None:
                return None
            if got[0] == mark:
                return time.monotonic() - start

    def best(self, sock, n=5):
        return min(self.rtt(sock) for _ in range(n))


@pytest.fixture(scope="module")
def shared():
    link = Link()
    link.echo4, link.echo6 = Echo(link, SERVER4), Echo(link, SERVER6)
    yield link
    link.echo4.stop.set()
    link.echo6.stop.set()
    link.link.stop()


@pytest.fixture
def link(shared):
    for line in ("up", "unstall", "rtt 0", "jitter 0", "loss 0", "dup 0", "corrupt 0", "rate 0",
                 "queue 0", "natport 0", "reset"):
        shared.do(line)
    return shared


def test_round_trips_in_both_versions(link):
    a, b = link.socket("c"), link.socket("c", addr="::")
    assert link.echo4.best(a) < 0.02
    link.do("rtt 100")
    assert 0.1 <= link.echo4.best(a) < 0.12
    assert 0.1 <= link.echo6.best(b) < 0.12


def test_tcp_passes_unharmed(link):
    server = link.socket("s", socket.SOCK_STREAM, SERVER4)
    server.listen(1)
    client = link.socket("c", socket.SOCK_STREAM)
    client.settimeout(20)
    client.connect(server.getsockname())
    peer, _ = server.accept()
    data = os.urandom(4 << 20)
    sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
    sender.start()
    got = bytearray()
    peer.settimeout(20)
    while chunk := peer.recv(1 << 16):
        got += chunk
    sender.join()
    assert bytes(got) == data


def test_rate(link):
    link.do("rate 1mbit")
    link.do("queue 2s")
    a = link.socket("c")
    start = time.monotonic()
    for _ in range(100):
        a.sendto(b"x" * 972, link.echo4.address)  # 1000 bytes with headers: 0.8 s in all
    got = 0
    while got < 100 and receive(a, 5):
        got += 1
    took = time.monotonic() - start
    assert got == 100
    assert 0.78 < took < 1.5


def test_loss_is_deterministic(link):
    a = link.socket("c")
    sink = link.socket("s", addr=SERVER4)

    def pattern():
        link.do("seed 42")
        link.do("reset")
        out = []
        for i in range(150):
            a.sendto(b"%d" % i, sink.getsockname())
            while (s := link.stats()["p0.c2s"])["in_packets"] <= i:
                pass
            out.append(s["lost"])
        return out

    link.do("c2s.loss 0.29")
    first = pattern()
    assert pattern() == first
    assert 25 < first[-1] < 65


def test_corruption_never_reaches_the_ip_header(link):
    a = link.socket("c")
    link.do("c2s.corrupt 1")
    sink = link.socket("s", addr=SERVER4)
    for _ in range(20):
        a.sendto(b"x" * 100, sink.getsockname())
    assert receive(sink, 0.3) is None  # UDP's checksum sees each one
    assert link.stats()["p0.c2s"]["corrupted"] == 20
    path = "/proc/net/snmp"
    text = subprocess.run(["ip", "netns", "exec", link.name + "-s", "cat", path],
                          capture_output=True, text=True).stdout
    ip_line = [l for l in text.splitlines() if l.startswith("Ip: ")]
    head, values = ip_line[0].split(), ip_line[1].split()
    assert values[head.index("InHdrErrors")] == "0"


def test_outage_and_timeline(link):
    a = link.socket("c")
    link.do("down")
    assert link.echo4.rtt(a, 0.3) is None
    link.do("at 0.3 up")
    end = time.monotonic() + 10
    while link.echo4.rtt(a, 0.1) is None:
        assert time.monotonic() < end


def test_addresses_change(link):
    a = link.socket("c")
    assert link.echo4.rtt(a)
    assert link.echo4.peer[0] == "10.77.0.1"
    link.do("addr 10.77.0.55")
    assert link.echo4.rtt(a)  # same socket, same port
    assert link.echo4.peer[0] == "10.77.0.55"
    link.do("addr6 fd77::55")
    b = link.socket("c", addr="::")
    assert link.echo6.rtt(b)
    assert link.echo6.peer[0] == "fd77::55"
    link.do("deladdr 10.77.0.55")
    link.do("deladdr 10.78.0.1 1")
    with pytest.raises(OSError):  # no IPv4 at all: unreachable at once
        link.echo4.rtt(a)
    assert link.echo6.rtt(b)
    link.do("addaddr 10.77.0.1")
    link.do("addaddr 10.78.0.1 1")
    assert link.echo4.rtt(a)
    assert link.echo4.peer[0] == "10.77.0.1"


def test_second_path(link):
    link.do("p1.rtt 60")
    assert 0.06 <= link.echo4.best(link.socket("c", dev="ll1")) < 0.08
    a = link.socket("c")
    assert link.echo4.best(a) < 0.02
    link.do("ifdown 0")
    assert 0.06 <= link.echo4.best(a) < 0.08
    link.do("ifup 0")
    assert link.echo4.best(a) < 0.02


def test_nat_shifts_ports(link):
    a, b = link.socket("c"), link.socket("c", addr="::")
    link.do("natport 1000")
    assert link.echo4.rtt(a)
    assert link.echo4.peer[1] == (a.getsockname()[1] + 1000) % 65536
    assert link.echo6.rtt(b)
    assert link.echo6.peer[1] == (b.getsockname()[1] + 1000) % 65536
    link.do("natport 0")
    assert link.echo4.rtt(a)
    assert link.echo4.peer[1] == a.getsockname()[1]


def test_bad_input_is_refused(link):
    for line in ("bogus 1", "addr", "addr 1.2.3.4 7", "addr nonsense", "ifdown 9", "natport x",
                 "p2.loss 0.1", "loss 0.1 0.2"):
        assert link.ask(line).startswith("err"), line
    for argv in (["start", "a/b"], ["start", "x", "mtu=5"], ["start", "x", "loss=9"], ["what", "x"],
                 ["start", "x" * 40], []):
        p = subprocess.run([tool("linklab"), *argv], capture_output=True, text=True, timeout=10)
        assert p.returncode != 0 and p.stderr, argv


def test_nothing_is_left_behind():
    name = f"llq{os.getpid()}"
    p = Program([tool("linklab"), "start", name, "paths=1"], f"/run/linklab-{name}.sock")
    assert os.path.exists(f"/run/netns/{name}-c") and os.path.exists(f"/run/netns/{name}-s")
    p.stop()
    assert not any(n.startswith(name) for n in os.listdir("/run/netns"))
    assert not os.path.exists(f"/run/linklab-{name}.sock")
