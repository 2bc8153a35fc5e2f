import json
import socket
import subprocess
import time

import pytest

from lab import Program, receive, tool


def udp(host="127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    return s


class Net:
    def __init__(self, tmp_path, *settings):
        self.server = udp()
        control = str(tmp_path / "control")
        self.relay = Program([tool("udprelay"), "listen=127.0.0.1:0",
                              "to=127.0.0.1:%d" % self.server.getsockname()[1],
                              "control=" + control, *settings], control)
        host, port = self.relay.ready.split()[1].rsplit(":", 1)
        self.address = (host, int(port))
        self.client = udp()

    def ping(self, timeout=5, client=None):
        """There and back; the source that the server saw, or None."""
        client = client or self.client
        client.sendto(b"ping", self.address)
        got = receive(self.server, timeout)
        if got is None:
            return None
        assert got[0] == b"ping"
        self.server.sendto(b"pong", got[1])
        back = receive(client, timeout)
        assert back == (b"pong", self.address)
        return got[1]

    def stats(self):
        return json.loads(self.relay.ask("stats"))


@pytest.fixture
def net(tmp_path, request):
    n = Net(tmp_path, *getattr(request, "param", ()))
    yield n
    n.relay.stop()


def test_relays_and_keeps_clients_apart(net):
    other = udp()
    a, b = net.ping(), net.ping(client=other)
    assert a != b
    assert net.ping() == a
    assert net.ping(client=other) == b
    stats = net.stats()
    assert stats["p0.c2s"]["out_packets"] == 4
    assert stats["p0.s2c"]["out_packets"] == 4


def test_empty_and_largest_datagrams(net):
    for size in (0, 1, 1400, 65507):
        net.client.sendto(b"x" * size, net.address)
        data, src = receive(net.server, 5)
        assert len(data) == size


def test_rebind_changes_the_port_and_the_address(net):
    first = net.ping()
    net.relay.do("rebind")
    second = net.ping()
    assert second[0] == first[0] and second[1] != first[1]
    net.server.sendto(b"late", first)  # the old mapping is gone
    net.relay.do("rebind 127.0.0.9")
    third = net.ping()
    assert third[0] == "127.0.0.9"
    assert "err" in net.relay.ask("rebind nonsense")


def test_delay(net):
    net.relay.do("rtt 200")
    start = time.monotonic()
    assert net.ping()
    took = time.monotonic() - start
    assert 0.2 <= took < 0.4


def test_outage_in_one_direction(net):
    net.relay.do("s2c.down")
    net.client.sendto(b"a", net.address)
    src = receive(net.server, 5)[1]
    net.server.sendto(b"b", src)
    assert receive(net.client, 0.2) is None
    net.relay.do("s2c.up")
    net.server.sendto(b"c", src)
    assert receive(net.client, 5)[0] == b"c"


def test_timeline(net):
    net.relay.do("down")
    net.relay.do("at 0.3 up")
    net.client.sendto(b"lost", net.address)
    assert receive(net.server, 0.1) is None
    end = time.monotonic() + 10
    got = None
    while got is None and time.monotonic() < end:
        net.client.sendto(b"through", net.address)
        got = receive(net.server, 0.05)
    assert got[0] == b"through"


@pytest.mark.parametrize("net", [("loss=0.5", "seed=3")], indirect=True)
def test_loss_is_the_same_for_the_same_seed(net):
    def pattern():
        out = []
        for i in range(200):
            net.client.sendto(b"%d" % i, net.address)
            while True:  # in step, so that each datagram's fate is known before the next
                s = net.stats()["p0.c2s"]
                if s["in_packets"] == len(out) + 1:
                    break
            out.append(s["lost"])
        return out

    first = pattern()
    net.relay.do("reset")
    net.relay.do("seed 3")
    assert pattern() == first
    assert 70 < first[-1] < 130


def test_bad_settings_are_refused(net, tmp_path):
    for line in ("bogus 1", "loss 2", "p1.loss 0.1", "c2s.rebind", "at x y", "loss"):
        assert net.relay.ask(line).startswith("err"), line
    for argv in ([], ["listen=127.0.0.1:0"], ["listen=nonsense", "to=127.0.0.1:1"],
                 ["listen=127.0.0.1:0", "to=127.0.0.1"],
                 ["listen=127.0.0.1:0", "to=127.0.0.1:1", "loss=7"]):
        p = subprocess.run([tool("udprelay"), *argv], capture_output=True, text=True, timeout=10)
        assert p.returncode != 0 and p.stderr, argv


def test_quit_removes_the_socket(tmp_path):
    n = Net(tmp_path)
    n.relay.do("quit")
    assert n.relay.proc.wait(10) == 0
    assert not (tmp_path / "control").exists()
