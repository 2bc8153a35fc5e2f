"""Forwards of UDP over a real sshd, with real sockets at both ends and a stock mosh through them."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib.sshd import PROMPT
from lib.wait import wait_until
from test_forwards import Away, Far, far  # noqa: F401


class Echo:
    """Answers each datagram with the same behind a "<"."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.s = socket.socket(family, socket.SOCK_DGRAM)
        self.s.bind((host, 0))
        self.port, self.seen, self.froms = self.s.getsockname()[1], 0, set()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                got, at = self.s.recvfrom(65536)
            except OSError:
                return
            self.seen += 1
            self.froms.add(at)
            self.s.sendto(b"<" + got[:65000], at)


def asks(port, what, host="127.0.0.1", tries=8, s=None):
    """The answer; asked again when it is lost, as users of UDP do."""
    with s or socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.connect((host, port))
        for _ in range(tries):
            try:
                u.settimeout(2)
                u.send(what)
                return u.recv(65536)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.1)
    return None


def taken(port):
    """Somebody has a UDP socket at this port."""
    for name in ("/proc/net/udp", "/proc/net/udp6"):
        with open(name) as f:
            if any(w[1].endswith(f":{port:04X}") for w in map(str.split, f)):
                return True
    return False


def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(far, *words, ports):
    p = far.start(*words)
    wait_until(lambda: p.poll() is not None or all(map(taken, ports)), 20, "the ports")
    assert p.poll() is None, p.communicate()
    return p


def test_both_ways_and_all_lengths(far, box):
    echo, six = Echo(), Echo(socket.AF_INET6, "::1")
    a, b, c, d, e = (port() for _ in range(5))
    box.config(f"Log {box.logs[0]}\nHost far\n    UdpForward {d}:localhost:{echo.port}\n"
               f"Host *\n    UdpForward {e}:127.0.0.1:{echo.port}\n")
    p = start(far, "-N", f"--udp-forward={a}:127.0.0.1:{echo.port}", "--udp-forward", f"*:{b}:[::1]:{six.port}",
              f"--udp-remote-forward={c}:127.0.0.1:{echo.port}", "far", ports=[a, b, c, d, e])
    for n in (a, b, c, d, e):
        for size in (0, 1, 100, 1200, 1472, 9000, 60000):
            text = os.urandom(size)
            assert asks(n, text) == b"<" + text, (n, size)
    assert asks(b, b"x", host="127.9.8.7") == b"<x"  # answered from the address that was asked
    assert asks(a, b"x", host="::1") == b"<x"
    far.end(p)
    assert not any(map(taken, (a, b, c, d, e)))


def test_many_users_at_once(far, box):
    """Each has a socket of its own at the far end, and its own answers."""
    echo, n = Echo(), port()
    p = start(far, "-N", f"--udp-forward={n}:127.0.0.1:{echo.port}", "far", ports=[n])
    users = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
    assert asks(n, b"first") == b"<first"
    for i, u in enumerate(users):
        u.connect(("127.0.0.1", n))
        u.settimeout(5)
        u.send(b"user %d" % i)
    got = 0
    for i, u in enumerate(users):
        try:
            assert u.recv(100) == b"<user %d" % i
            got += 1
        except TimeoutError:
            pass  # lost: it may be, but no more than a few here
    assert got >= 90
    assert len(echo.froms) >= 91
    for u in users:
        u.close()
    far.end(p)


@pytest.mark.needs("mosh-client", "mosh-server")
def test_a_stock_mosh_through_it(far, box, tmux):
    """A program that lives on UDP: its screen, its keys."""
    outer, inner = tmux.shell(), tmux.shell()
    n = port()
    made = subprocess.run(["mosh-server", "new", "-i", "127.0.0.1", "--", "bash", "--norc"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, timeout=20,
                          env={"PATH": "/usr/bin:/bin", "HOME": box.home, "LC_ALL": "C.UTF-8", "TERM": "xterm"})
    there, key = re.search(r"MOSH CONNECT (\d+) (\S+)", made.stdout).groups()
    outer.enter(f"tern -F $F --udp-forward={n}:127.0.0.1:{there} far", PROMPT)
    inner.start(f"LC_ALL=C.UTF-8 MOSH_KEY={key} mosh-client 127.0.0.1 {n}")
    inner.wait(lambda: any(r.startswith("bash-") for r in inner.rows()), what="a prompt")
    inner.line("echo through $((40 + 2))")
    inner.wait_row("through 42")
    inner.line("exit")
    assert inner.finish(30) == 0
    outer.line("exit 5")
    assert outer.finish(30) == 5
    assert not taken(n)


@pytest.mark.parametrize("config,key", [("AllowTcpForwarding no", ""), ("", "restrict,pty")])
def test_what_sshd_forbids_is_not_done(box, hosts, config, key):
    far = Far(box, hosts(config=config, key_options=key))
    echo, n = Echo(), port()
    for words in ([f"--udp-forward={n}:127.0.0.1:{echo.port}"], [f"--udp-remote-forward={n}:127.0.0.1:{echo.port}"]):
        p = far.tern(*words, "far", "echo it runs")
        assert (p.returncode, p.stdout) == (0, "it runs\n")
        assert "tern: UDP is not forwarded: sshd restricts forwards there" in p.stderr
        p = far.tern("-o", "ExitOnForwardFailure=yes", *words, "far", "echo it runs")
        assert (p.returncode, p.stdout) == (255, "")
    assert echo.seen == 0
    far.end_servers()


def test_a_client_without_a_pass_gets_nothing(far, box):
    echo, n = Echo(), port()
    box.script("liar", 'case "$*" in *" -W "*) echo TERN-PASS 00112233445566778899aabbccddeeff;; '
                       '*) exec ssh "$@";; esac')
    p = start(far, "--ssh=liar", "-N", f"--udp-forward={n}:127.0.0.1:{echo.port}", "far", ports=[n])
    assert asks(n, b"x", tries=2) is None
    assert echo.seen == 0
    assert "administratively prohibited" in far.end(p)


def test_bad_input(far, box):
    busy, n = Echo(), port()
    for words in (["--udp-forward=53"], ["--udp-forward=0:h:1"], ["--udp-forward", "1:::2"]):
        p = far.tern(*words, "far", "true")
        assert p.returncode == 2 and p.stderr.count("\n") == 1 and "must be [bind:]port:host:hostport" in p.stderr
    p = far.tern(f"--udp-forward=127.0.0.1:{busy.port}:h:1", "far", "echo it runs")
    assert (p.returncode, p.stdout) == (0, "it runs\n")
    assert f"bind [127.0.0.1]:{busy.port}: Address already in use" in p.stderr
    p = far.tern(f"--udp-remote-forward=127.0.0.1:{busy.port}:h:1", "far", "sleep 1; echo it runs")
    assert (p.returncode, p.stdout) == (0, "it runs\n")
    assert f"Warning: remote port forwarding failed for listen port {busy.port} (udp)" in p.stderr
    p = box.run("tern", f"--udp-forward={n}:h:1", "--local", "--", "echo", "it runs")
    assert p.stdout == "it runs\n" and "UDP is not forwarded: this machine is both ends" in p.stderr


PING = r"""
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 7001))
s.settimeout(0.02)
begin = time.time()
while time.time() - begin < float(sys.argv[1]):
    try:
        s.send(b"%.6f" % time.time())
        while True:
            sent = float(s.recv(1000)[1:])
            print("%.3f %.3f" % (sent - begin, time.time() - sent), flush=True)
    except (TimeoutError, ConnectionRefusedError):
        pass
"""


def test_outage_and_move_in_the_middle(box, netlab, hosts):
    """It goes on from another address with what is new; what was sent meanwhile is not brought late."""
    away = Away(box, netlab, hosts)
    away.lab.do("delay=20")
    with open(box.file("ping.py"), "w") as f:
        f.write(PING)
    with open(box.file("echo.py"), "w") as f:
        f.write('import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(("127.0.0.1", 7777))\n'
                'while True:\n    d, a = s.recvfrom(9000)\n    s.sendto(b"<" + d, a)\n')
    echo = away.popen("s", "python3", box.file("echo.py"))
    p = away.popen("c", "tern", "-F", box.env["F"], "-N", "--udp-forward=7001:127.0.0.1:7777", "far")
    box.script("up", "until ss -Hlun | grep -q :7001; do sleep 0.1; done")
    assert away.popen("c", "up").wait(30) == 0
    ping = away.popen("c", "python3", box.file("ping.py"), "10")
    time.sleep(2.5)
    away.lab.do("down")
    time.sleep(3)
    away.lab.do("addr 10.77.0.2")
    away.lab.do("up")
    lines = [tuple(map(float, line.split())) for line in ping.communicate(timeout=40)[0].decode().splitlines()]
    before, after = [took for at, took in lines if at < 2.3], [took for at, took in lines if at > 8]
    assert len(before) > 30 and len(after) > 30
    assert max(after) < 1 and sorted(after)[len(after) // 2] < 0.15
    late = [took for at, took in lines if 2.7 < at < 4.8]
    assert len(late) < 10, late
    for q in (p, echo):
        q.send_signal(signal.SIGTERM)
        q.communicate(timeout=20)
    away.far.close()
    box.wait_no_server(60)
