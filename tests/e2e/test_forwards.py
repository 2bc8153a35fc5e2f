"""Forwards over a real sshd: -L, -D and -W of tern, used by curl, nc and ssh."""
import hashlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib.sshd import PROMPT, free_port
from lib.wait import stays, wait_until

PAGE = b"<p>a page of the far side</p>\n"


class Server:
    """Connections in threads: web answers with PAGE, count tells after the end of file how many bytes came,
    talk says a line for each line."""

    def __init__(self, do="web", family=socket.AF_INET, at=None):
        self.s = socket.socket(family)
        if family == socket.AF_UNIX:
            self.s.bind(at)
        else:
            self.s.bind((at or "127.0.0.1", 0))
            self.port = self.s.getsockname()[1]
        self.s.listen(200)
        self.do, self.seen, self.resets = getattr(self, do), 0, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.seen += 1
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        try:
            self.do(c)
        except ConnectionResetError:
            self.resets += 1
        except OSError:
            pass
        finally:
            c.close()

    def web(self, c):
        head = b""
        while b"\r\n\r\n" not in head:
            got = c.recv(4096)
            if not got:
                return
            head += got
        c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE)

    def count(self, c):
        total, digest = 0, hashlib.sha256()
        while got := c.recv(1 << 16):
            total += len(got)
            digest.update(got)
        c.sendall(f"{total} {digest.hexdigest()}\n".encode())

    def talk(self, c):
        with c.makefile("rb") as f:
            for line in f:
                c.sendall(b"<" + line)

    def close(self):
        try:
            self.s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.s.close()


class Far:
    def __init__(self, box, host):
        self.box, self.host, self.procs, self.servers = box, host, [], []
        box.on_close(self.close)

    def serve(self, *words, **more):
        self.servers.append(Server(*words, **more))
        return self.servers[-1]

    def tern(self, *words, timeout=30, **more):
        return self.box.run("tern", "-F", self.box.env["F"], *words, timeout=timeout, **more)

    def start(self, *words, up=None, **more):
        """tern in the background, until something listens at each of `up`."""
        more.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(["tern", "-F", self.box.env["F"], *words], env=self.box.env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, cwd=self.box.home, **more)
        self.procs.append(p)
        for port in up or []:
            wait_until(lambda: p.poll() is not None or listens(port), 20, f"a listener at {port}")
        assert not up or p.poll() is None, p.communicate()
        # It listens before it can be asked to end.
        wait_until(lambda: not up or p.poll() is not None or catches(p.pid, signal.SIGTERM), 20, "tern to be there")
        return p

    def end(self, p, status=0):
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=20)
        assert p.returncode == status, err
        return err

    def curl(self, *words, url=None, timeout=20):
        p = self.box.run("curl", "-sS", "--max-time", str(timeout), *words, *([url] if url else []), timeout=timeout + 10)
        return p.stdout.encode(), p.returncode

    def close(self):
        for p in self.procs:
            if p.poll() is None:
                p.kill()
                p.communicate()
        for s in self.servers:
            s.close()

    def end_servers(self):
        """Those that no client came to would wait for one for a minute."""
        for pid in self.box.servers():
            os.kill(pid, signal.SIGTERM)
        self.box.wait_no_server(20)

    def log(self):
        with open(self.box.logs[0], errors="replace") as f:
            return f.read()


def catches(pid, number):
    with open(f"/proc/{pid}/status") as f:
        caught = next(line for line in f if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def listens(port):
    """Without connecting to it."""
    if isinstance(port, str):
        return os.path.exists(port)
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(name) as f:
            if any(w[1].endswith(f":{port:04X}") and w[3] == "0A" for w in map(str.split, f)):
                return True
    return False


@pytest.fixture
def far(box, hosts):
    f = Far(box, hosts())
    yield f
    f.close()
    box.wait_no_server(40)


def port():
    return free_port("127.0.0.1")


# ---- -L


@pytest.mark.needs("curl")
def test_local_forwards_of_all_kinds(far, box):
    web, six = far.serve(), far.serve(family=socket.AF_INET6, at="::1")
    far.serve(family=socket.AF_UNIX, at=box.file("far.sock"))
    a, b, c, d, e = (port() for _ in range(5))
    near = box.file("near.sock")
    box.ssh = far.host.ssh_config(f"Host far\n    LocalForward {e} localhost:{web.port}\n")
    p = far.start("-N", "-L", f"{a}:127.0.0.1:{web.port}", "-L", f"*:{b}:localhost:{web.port}",
                  "-L", f"{c}:[::1]:{six.port}", "-L", f"{d}:{box.file('far.sock')}",
                  "-L", f"{near}:127.0.0.1:{web.port}", "far", up=[a, b, c, d, e, near])
    for n in (a, b, c, d, e):
        assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0), n
    for n in (a, b):
        assert far.curl(f"http://[::1]:{n}/") == (PAGE, 0), n
    assert far.curl("--unix-socket", near, "http://x/") == (PAGE, 0)
    assert os.stat(near).st_mode & 0o777 == 0o600
    assert far.end(p) == ""
    assert not os.path.exists(near)
    assert "0 forwards left to ssh" in far.log()


@pytest.mark.needs("curl")
def test_what_cannot_be_reached_is_told_as_by_ssh(far):
    a, b = port(), port()
    words = ["-N", "-L", f"{a}:127.0.0.1:1", "-L", f"{b}:no-such-host.invalid:1", "far"]
    p = far.start(*words, up=[a, b])
    for n in (a, b):
        assert far.curl(f"http://127.0.0.1:{n}/")[1] != 0
    told = far.end(p).splitlines()
    assert [line.split(": ", 1)[1] for line in told] == [
        "open failed: connect failed: Connection refused",
        "open failed: connect failed: Name or service not known"]
    assert all(line.startswith("channel ") for line in told)


@pytest.mark.needs("nc")
def test_half_close_both_ways(far):
    count = far.serve("count")
    n = port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{count.port}", "far", up=[n])
    data = os.urandom(3_000_001)
    got = subprocess.run(["nc", "-N", "127.0.0.1", str(n)], input=data, capture_output=True, timeout=30).stdout
    assert got.decode() == f"{len(data)} {hashlib.sha256(data).hexdigest()}\n"
    with socket.create_connection(("127.0.0.1", n)) as s:  # the other way round: it speaks, then listens
        s.shutdown(socket.SHUT_WR)
        assert s.recv(200) == f"0 {hashlib.sha256(b'').hexdigest()}\n".encode()
        assert s.recv(200) == b""
    far.end(p)


def test_resets_are_passed_on(far):
    talk = far.serve("talk")
    n = port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{talk.port}", "far", up=[n])
    s = socket.create_connection(("127.0.0.1", n))
    s.sendall(b"one\n")
    assert s.recv(100) == b"<one\n"
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()
    wait_until(lambda: talk.resets == 1, 10, "a reset over there")
    # And a server that dies in the middle is no clean end.
    with socket.create_connection(("127.0.0.1", n)) as s:
        s.sendall(b"two\n")
        assert s.recv(100) == b"<two\n"
        for pid in far.box.servers():
            os.kill(pid, signal.SIGKILL)
        s.settimeout(30)
        with pytest.raises(ConnectionResetError):
            s.recv(100)
            s.recv(100)
    p.communicate(timeout=60)


def test_a_port_in_use(far):
    taken = far.serve()
    both = ["-L", f"127.0.0.1:{taken.port}:x:1"]
    p = far.tern(*both, "far", "echo ran")
    assert p.returncode == 0 and p.stdout == "ran\n"
    assert p.stderr.splitlines() == [f"bind [127.0.0.1]:{taken.port}: Address already in use",
                                     f"cannot listen to port: {taken.port}", "Could not request local forwarding."]
    p = far.tern("-o", "ExitOnForwardFailure=yes", *both, "far", "echo ran")
    assert p.returncode == 255 and p.stdout == "" and "Could not request local forwarding." in p.stderr
    far.end_servers()
    # One family is enough, as for ssh.
    p = far.tern("-o", "ExitOnForwardFailure=yes", "-L", f"{taken.port}:x:1", "far", "echo ran")
    assert p.returncode == 0 and p.stdout == "ran\n" and "already in use" in p.stderr


def test_wrong_words_are_ssh_s_to_refuse(far):
    for words in (["-L", "nonsense"], ["-L", "1:h:0"], ["-D", "x:y:z"], ["-W", "h"]):
        got, want = far.tern(*words, "far", "true"), far.host.ssh(*words, "far", "true")
        assert (got.returncode, got.stderr) == (want.returncode, want.stderr)


@pytest.mark.needs("curl")
def test_gateway_ports(far, box):
    web = far.serve()
    n = port()
    p = far.start("-g", "-N", "-L", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    assert far.curl(f"http://127.77.1.2:{n}/") == (PAGE, 0)  # bound to all addresses
    far.end(p)
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.77.1.2", n))
    far.end(p)


@pytest.mark.needs("curl")
def test_beside_a_command(far):
    """The command's end is waited for, and whoever is connected then."""
    talk, n = far.serve("talk"), port()
    p = far.start("-L", f"{n}:127.0.0.1:{talk.port}", "far", "read x; echo $x; exit 4", up=[n],
                  stdin=subprocess.PIPE)
    with socket.create_connection(("127.0.0.1", n)) as s:
        s.sendall(b"one\n")
        assert s.recv(100) == b"<one\n"
        p.stdin.write("word\n")
        p.stdin.flush()
        assert p.stdout.readline() == "word\n"
        stays(lambda: p.poll() is None, 0.5)
        s.sendall(b"two\n")
        assert s.recv(100) == b"<two\n"
    out, err = p.communicate(timeout=20)
    assert (p.returncode, err) == (4, "")


@pytest.mark.needs("curl")
def test_beside_a_session(far, outer):
    web, n = far.serve(), port()
    outer.enter(f"tern -F $F -L {n}:127.0.0.1:{web.port} -L {port()}:127.0.0.1:1 far", PROMPT)
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    outer.line("echo still-$((6*7))")
    outer.wait_row("still-42")
    outer.line("exit 5")
    assert outer.finish(30) == 5
    assert not listens(n)


@pytest.mark.needs("curl")
def test_beside_a_session_that_one_comes_back_to(far, outer):
    """The server that holds the session serves the forwards of the new login."""
    web, n = far.serve(), port()
    outer.enter("tern -F $F --name=work far", PROMPT)
    outer.line("kept=$((6*7))")
    outer.type("~d")
    assert outer.finish(20) == 0
    outer.enter(f"tern --attach work -F $F -L {n}:127.0.0.1:{web.port} far", PROMPT)
    outer.line("echo kept-$kept")
    outer.wait_row("kept-42")
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    assert "0 forwards left to ssh" in far.log()
    outer.line("exit 5")
    assert outer.finish(30) == 5


def test_in_the_background(far):
    talk, n = far.serve("talk"), port()
    words = ["tern", "-F", far.box.env["F"], "-f", "-N", "-L", f"{n}:127.0.0.1:{talk.port}", "far"]
    assert subprocess.run(words, env=far.box.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=30).returncode == 0
    with socket.create_connection(("127.0.0.1", n)) as s:  # it stands when the prompt is back
        s.sendall(b"one\n")
        assert s.recv(100) == b"<one\n"
    for pid in far.box.clients():
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not far.box.clients(), 15, "no client")


def test_many_at_once(far):
    count, n = far.serve("count"), port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{count.port}", "far", up=[n])
    results = []

    def one(i):
        data = bytes([i]) * (20000 + 1000 * i)
        with socket.create_connection(("127.0.0.1", n)) as s:
            s.settimeout(60)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            with s.makefile("rb") as f:
                results.append(f.read().decode() == f"{len(data)} {hashlib.sha256(data).hexdigest()}\n")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(90)
    assert results == [True] * 100
    assert far.end(p) == ""


# ---- -R


def listeners(port):
    """The addresses where something listens at this port."""
    with open("/proc/net/tcp") as f:
        return {w[1].split(":")[0] for w in map(str.split, f) if w[1].endswith(f":{port:04X}") and w[3] == "0A"}


LOOPBACK, ANY = "0100007F", "00000000"


@pytest.mark.needs("curl", "nc")
def test_remote_forwards(far, box):
    web, count = far.serve(), far.serve("count", family=socket.AF_UNIX, at=box.file("near.sock"))
    a, b, c, d = (port() for _ in range(4))
    p = far.start("-N", "-R", f"{a}:127.0.0.1:{web.port}", "-R", f"*:{b}:localhost:{web.port}",
                  "-R", f"{c}:{box.file('near.sock')}", "-R", f"{d}:127.0.0.1:1",
                  "-R", f"0:127.0.0.1:{web.port}", "far", up=[a, b, c, d])
    line = p.stderr.readline()
    assert line.startswith("Allocated port ") and line.endswith(f" for remote forward to 127.0.0.1:{web.port}\n")
    for n in (a, b, int(line.split()[2])):
        assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
        assert far.curl(f"http://[::1]:{n}/") == (PAGE, 0)
        assert listeners(n) == {LOOPBACK}  # whatever was asked: GatewayPorts no
    data = os.urandom(2_000_001)
    got = subprocess.run(["nc", "-N", "127.0.0.1", str(c)], input=data, capture_output=True, timeout=30).stdout
    assert got.decode() == f"{len(data)} {hashlib.sha256(data).hexdigest()}\n" and count.seen == 1
    assert far.curl(f"http://127.0.0.1:{d}/")[1] != 0
    assert far.end(p) == ""
    wait_until(lambda: not any(listens(n) for n in (a, b, c, d)), 15, "the far side listens no more")
    assert "0 forwards left to ssh" in far.log()


@pytest.mark.needs("curl")
@pytest.mark.parametrize("policy,plain,star,local", [("clientspecified", LOOPBACK, ANY, LOOPBACK),
                                                     ("yes", ANY, ANY, ANY)])
def test_remote_forwards_with_gateway_ports(box, hosts, policy, plain, star, local):
    """As sshd binds."""
    far = Far(box, hosts(config=f"GatewayPorts {policy}"))
    web, want = far.serve(), {}
    words = ["-N"]
    for text, at in (("", plain), ("*:", star), ("localhost:", local)):
        n = port()
        words += ["-R", f"{text}{n}:127.0.0.1:{web.port}"]
        want[n] = {at}
    p = far.start(*words, "far", up=list(want))
    assert {n: listeners(n) for n in want} == want
    assert far.curl(f"http://127.0.0.1:{next(iter(want))}/") == (PAGE, 0)
    assert far.end(p) == ""
    assert "0 forwards left to ssh" in far.log()
    box.wait_no_server(40)


def test_a_remote_port_in_use(far):
    taken, n = far.serve(), port()
    words = ["-R", f"127.0.0.1:{taken.port}:127.0.0.1:1", "-R", f"{n}:127.0.0.1:1"]
    p = far.tern(*words, "far", "sleep 0.5; echo ran")
    assert (p.returncode, p.stdout) == (0, "ran\n")
    assert p.stderr == f"Warning: remote port forwarding failed for listen port {taken.port}\n"
    p = far.tern("-o", "ExitOnForwardFailure=yes", *words, "far", "sleep 4")
    assert p.returncode == 255
    assert p.stderr == f"Error: remote port forwarding failed for listen port {taken.port}\n"
    p = far.tern("-f", "-o", "ExitOnForwardFailure=yes", "-N", *words, "far")
    assert p.returncode == 255


@pytest.mark.needs("curl")
@pytest.mark.parametrize("config,key", [("AllowTcpForwarding local", ""), ("PermitListen none", ""),
                                        ("", "no-port-forwarding"), ("", 'permitlisten="127.0.0.1:9"')])
def test_remote_forwards_that_sshd_forbids(box, hosts, soak, config, key):
    if not soak and config.startswith("P"):
        pytest.skip("long")
    far = Far(box, hosts(config=config, key_options=key))
    web, n = far.serve(), port()
    p = far.start("-N", "-R", f"{n}:127.0.0.1:{web.port}", "far")
    wait_until(lambda: "forwards left to ssh" in far.log() if os.path.exists(box.logs[0]) else False, 20, "it is up")
    wait_until(lambda: p.stderr.readline().startswith("Could not request"), 20, "ssh's word")
    assert not listens(n) and "listen 0; 1 forwards left to ssh" in far.log()
    far.end(p)
    box.wait_no_server(40)


@pytest.mark.needs("curl")
def test_remote_forwards_that_sshd_permits_one_by_one(box, hosts):
    far = Far(box, hosts())
    web, n = far.serve(), port()
    far.host.authorize(f'permitlisten="localhost:{n}"')
    p = far.start("-N", "-R", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    assert "listen 0; 1 forwards left to ssh" in far.log()
    far.end(p)
    box.wait_no_server(40)


@pytest.mark.needs("curl")
def test_a_remote_forward_beside_a_session(far, outer):
    web, n = far.serve(), port()
    outer.enter(f"tern -F $F -R {n}:127.0.0.1:{web.port} far", PROMPT)
    wait_until(lambda: listens(n), 10, "a listener there")
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    outer.line("exit 5")
    assert outer.finish(30) == 5
    wait_until(lambda: not listens(n), 10, "no listener any more")


# ---- -D


@pytest.mark.needs("curl")
def test_dynamic_forward(far):
    web, n = far.serve(), port()
    p = far.start("-N", "-D", str(n), "far", up=[n])
    for kind in ("--socks4", "--socks4a", "--socks5", "--socks5-hostname"):
        for host in ("127.0.0.1", "localhost"):
            assert far.curl(kind, f"127.0.0.1:{n}", f"http://{host}:{web.port}/") == (PAGE, 0), (kind, host)
    assert far.curl("--socks5", f"127.0.0.1:{n}", "http://127.0.0.1:1/")[1] == 97  # told by the proxy
    with socket.create_connection(("127.0.0.1", n)) as s:  # not SOCKS: closed without a word
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert s.recv(100) == b""
    with socket.create_connection(("127.0.0.1", n)) as s:  # BIND
        s.sendall(b"\5\1\0")
        assert s.recv(2) == b"\5\0"
        s.sendall(b"\5\2\0\1\x7f\0\0\1\0\x50")
        assert s.recv(10)[:2] == b"\5\7"
    assert "connect failed: Connection refused" in far.end(p)


# ---- -W


def test_stdio_forward(far, box):
    web = far.serve()
    ask = "GET / HTTP/1.0\r\n\r\n"
    p = far.tern("-W", f"127.0.0.1:{web.port}", "far", input=ask, stdin=None)
    assert p.returncode == 0 and p.stdout.encode().endswith(PAGE) and p.stderr == ""
    assert "path" in far.log()  # by a channel
    for words in (["-W", "127.0.0.1:1"], ["-W", "no-such-host.invalid:1"]):
        got, want = far.tern(*words, "far"), far.host.ssh(*words, "far")
        assert (got.returncode, got.stdout, got.stderr) == (want.returncode, want.stdout, want.stderr)


def test_proxy_command(far, box):
    """ssh by way of tern, and tern by way of tern."""
    box.script("hop", f'exec tern -F {box.env["F"]} "$@"')
    for program in (far.host.ssh, far.host.tern):
        p = program("-o", "ProxyCommand=hop -W %h:%p far", "far", "echo through; exit 6")
        assert (p.returncode, p.stdout) == (6, "through\n"), p.stderr


# ---- what sshd forbids


@pytest.mark.needs("curl")
@pytest.mark.parametrize("config,key,long", [("AllowTcpForwarding no", "", False), ("", "restrict,pty", False),
                                             ("", 'permitopen="127.0.0.1:9"', False),
                                             ("AllowTcpForwarding remote", "", True),
                                             ("DisableForwarding yes", "", True), ("PermitOpen none", "", True),
                                             ("", "no-port-forwarding", True)])
def test_what_sshd_forbids_is_not_done(box, hosts, soak, config, key, long):
    if long and not soak:
        pytest.skip("long")
    far = Far(box, hosts(config=config, key_options=key))
    web, n, d = far.serve(), port(), port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{web.port}", "-D", str(d), "far", up=[n, d])
    assert far.curl(f"http://127.0.0.1:{n}/")[0] == b""
    assert far.curl("--socks5", f"127.0.0.1:{d}", f"http://127.0.0.1:{web.port}/")[0] == b""
    assert web.seen == 0
    assert "tern: sshd restricts forwards there" in far.end(p)
    p = far.tern("-W", f"127.0.0.1:{web.port}", "far")
    assert p.returncode == 255 and web.seen == 0
    far.end_servers()


@pytest.mark.needs("curl")
def test_what_sshd_allows_only_in_part_is_left_to_it(box, hosts):
    far = Far(box, hosts(user="someone"))
    web, other, n, o = far.serve(), far.serve(), port(), port()
    far.host.authorize(f'permitopen="127.0.0.1:{web.port}"')
    p = far.start("-N", "-g", "-L", f"{n}:127.0.0.1:{web.port}", "-L", f"{o}:127.0.0.1:{other.port}", "far",
                  up=[n, o])
    assert far.curl(f"http://127.77.1.2:{n}/") == (PAGE, 0)
    assert far.curl(f"http://127.0.0.1:{o}/")[0] == b""
    assert (web.seen, other.seen) == (1, 0)
    far.end(p)
    box.wait_no_server(40)


@pytest.mark.needs("curl", "mosh-server")
def test_without_a_tern_server_it_is_plain_ssh(box, hosts, outer):
    """A mosh-server cannot serve them, so it is not used."""
    far = Far(box, hosts(server=False, mosh=True))
    web, n = far.serve(), port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    p.terminate()
    p.communicate(timeout=20)
    wait_until(lambda: not listens(n), 10, "no listener any more")
    outer.enter(f"tern -F $F -L {n}:127.0.0.1:{web.port} far", PROMPT)
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    outer.line("exit 5")
    assert outer.finish(30) == 5
    assert web.seen == 2


@pytest.mark.needs("curl")
def test_a_login_with_a_forced_command(box, hosts):
    """tern-server tells it no pass; sshd decides."""
    far = Far(box, hosts())
    far.host.authorize('command="tern-server -- cat"')
    web, n = far.serve(), port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    assert far.curl(f"http://127.0.0.1:{n}/") == (PAGE, 0)
    assert "1 forwards left to ssh" in far.log()
    far.end(p)
    box.wait_no_server(40)


def test_unix_sockets_have_a_permission_of_their_own(box, hosts):
    far = Far(box, hosts(config="AllowStreamLocalForwarding no"))
    far.serve("count", family=socket.AF_UNIX, at=box.file("far.sock"))
    talk, n, u = far.serve("talk"), port(), port()
    p = far.start("-N", "-L", f"{n}:127.0.0.1:{talk.port}", "-L", f"{u}:{box.file('far.sock')}", "far", up=[n, u])
    with socket.create_connection(("127.0.0.1", n)) as s:
        s.sendall(b"one\n")
        assert s.recv(100) == b"<one\n"
    with socket.create_connection(("127.0.0.1", u)) as s:
        s.settimeout(10)
        try:
            assert s.recv(100) == b""
        except ConnectionResetError:
            pass
    assert far.servers[0].seen == 0
    assert "passes: TCP 1, unix 0, listen 0; 1 forwards left to ssh" in far.log()
    far.end(p)
    box.wait_no_server(40)


def test_a_client_without_a_pass_gets_nothing(far, box):
    """The server's own judgement: a wrong pass, or none, opens nothing, whatever the client thinks."""
    web = far.serve()
    # An ssh that answers for sshd: what it says is not the pass.
    box.script("liar", 'case "$*" in *" -W "*) echo TERN-PASS 00112233445566778899aabbccddeeff;; '
                       '*) exec ssh "$@";; esac')
    n = port()
    p = far.start("--ssh=liar", "-N", "-L", f"{n}:127.0.0.1:{web.port}", "far", up=[n])
    assert far.curl(f"http://127.0.0.1:{n}/")[0] == b""
    assert web.seen == 0
    assert "administratively prohibited" in far.end(p)


# ---- the network


class Away:
    """Client and server in namespaces with a link between."""

    def __init__(self, box, lab, hosts):
        self.box, self.lab = box, lab
        self.far = Far(box, hosts("far", address=lab.SERVER4, enter=lab.enter("s"), port=2200))

    def popen(self, side, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen([*self.lab.enter(side), *words], env=self.box.env, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, cwd=self.box.home, **more)
        self.far.procs.append(p)
        return p


@pytest.fixture
def away(box, netlab, hosts):
    a = Away(box, netlab, hosts)
    yield a
    a.far.close()
    box.wait_no_server(60)


@pytest.mark.needs("nc")
def test_outage_and_move_in_the_middle(away, box, soak):
    """A transfer stands while the network is away, and goes on from another address; nobody is told."""
    size, seconds = (400_000_000, 60) if soak else (8_000_000, 4)
    away.lab.do("rate=200mbit" if soak else "rate=20mbit")
    box.script("give", f"head -c {size} /dev/urandom > $HOME/given; nc -l -N 127.0.0.1 7777 < $HOME/given")
    box.script("take", "until ss -Hltn | grep -q :7001; do sleep 0.1; done; sleep 0.2\n"
                       "exec nc -d 127.0.0.1 7001 > $HOME/taken")
    given, taken = (os.path.join(box.home, n) for n in ("given", "taken"))
    giver = away.popen("s", "give")
    wait_until(lambda: os.path.exists(given) and os.path.getsize(given) == size, 20, "what is given")
    p = away.popen("c", "tern", "-F", box.env["F"], "-N", "-L", "7001:127.0.0.1:7777", "far")
    taker = away.popen("c", "take")
    wait_until(lambda: os.path.exists(taken) and os.path.getsize(taken) > size // 4, 60, "a quarter of it")
    away.lab.do("down")
    time.sleep(seconds)
    assert taker.poll() is None and os.path.getsize(taken) < size
    away.lab.do("addr 10.77.0.2")
    away.lab.do("up")
    assert taker.wait(120) == 0
    with open(given, "rb") as a, open(taken, "rb") as b:
        for piece in iter(lambda: a.read(1 << 20), b""):
            assert b.read(1 << 20) == piece
        assert not b.read(1)
    giver.wait(20)
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0
