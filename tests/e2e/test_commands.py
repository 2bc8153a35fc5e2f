"""Commands and pipes over a real sshd: tern in the place of ssh for commands, scp, sftp, rsync and git.
Plain ssh with the same words is the yardstick."""
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import procs
from lib.near import Near
from lib.wait import wait_until

MIB = 1 << 20


class Far(Near):
    """The far host, and programs that run with `tern-f` (tern -F $F) as their ssh."""

    def __init__(self, box, host, enter=()):
        self.box, self.host, self.enter = box, host, list(enter)
        for program in ("ssh", "tern"):
            box.script(f"{program}-f", f'exec {program} -F {box.env["F"]} "$@"')
        self.tern_f = os.path.join(box.root, "bin", "tern-f")

    def tern(self, *words, **more):
        return self.run("tern-f", *words, **more)

    def ssh(self, *words, **more):
        return self.run("ssh-f", *words, **more)

    def native(self):
        """It went by a channel, not by plain ssh: the bootstrap is all that sshd was asked for."""
        return all("TERN-NONE" in c or "tern-server" in c or c.startswith("command") for c in self.host.commands())


@pytest.fixture
def far(box, hosts):
    f = Far(box, hosts())
    yield f
    box.wait_no_server(40)


def same(far, *words, **more):
    """tern and ssh end alike, print alike."""
    got, want = far.tern(*words, **more), far.ssh(*words, **more)
    assert got == want, words
    return got


def channels(box):
    """What the client's log says of channels: how often a command went by one."""
    with open(box.logs[0], errors="replace") as f:
        return f.read().count("command: channel:")


def opened(box):
    if not os.path.exists(box.logs[0]):
        return 0
    with open(box.logs[0], errors="replace") as f:
        return f.read().count("quic: connection open")


# ---- semantics ----


def test_ends_and_output_as_ssh_has_them(far, box):
    commands = [
        ["far", "exit 42"],
        ["far", "exit", "255"],
        ["far", "kill -9 $$"],
        ["far", "kill -TERM $$"],
        ["far", "echo out; echo err >&2"],
        ["far", "printf 'a\\0b\\377\\r\\n'"],
        ["far", "echo  two  blanks", "'a b'"],
        ["far", "no-such-command"],
        ["far", "cd /; pwd; echo $0; echo ~"],
        ["far", "printenv TERM || echo none"],
        ["far", "exec 1>&-; exec 2>&-; exit 3"],
        ["-T", "far", "tty"],
        ["-q", "-x", "-a", "far", "true"],
        ["-n", "far", "cat"],
    ]
    for words in commands:
        same(far, *words)
    assert channels(box) == len(commands)


def test_stdin_and_its_end(far, box):
    data = os.urandom(300000)
    assert same(far, "far", "cat", data=data) == (0, data, b"")
    assert same(far, "far", "cat", data=b"") == (0, b"", b"")
    assert same(far, "far", "wc -c; echo after", data=b"x" * 70000) == (0, b"70000\nafter\n", b"")
    assert same(far, "far", "head -c 3", data=b"x" * 1000000)[:2] == (0, b"xxx")
    assert same(far, "far", data=b"echo from stdin\nexit 7\n")[:2] == (7, b"from stdin\n")
    assert channels(box) == 5


def test_closed_and_full_descriptors(far, box):
    for shell in ("tern-f far cat <&-", "tern-f far echo x >&-", "tern-f far 'echo x >&2' 2>&-",
                  "tern-f far 'echo x; exit 4' >&- 2>&-"):
        got = far.run("bash", "-c", shell)
        want = far.run("bash", "-c", shell.replace("tern-f", "ssh-f"))
        assert got[0] == want[0], shell
    status, _, err = far.run("bash", "-c", "tern-f far 'head -c 1000000 /dev/zero' >/dev/full")
    assert status and b"No space left on device" in err
    # The far disk.
    status, _, err = far.tern("far", "cat >/dev/full", data=b"x" * 1000000)
    assert status == 1 and b"No space left on device" in err


def test_reader_that_goes_away(far, box):
    status, out, _ = far.run("bash", "-c", "tern-f far yes | head -1; echo ${PIPESTATUS[0]}")
    assert out == b"y\n255\n"  # killed by SIGPIPE there, as with ssh
    wait_until(lambda: not procs.named("yes"), 10, "no yes")


def test_killed_from_elsewhere(far, box):
    p = far.popen("tern-f", "far", "exec sleep 12345")
    wait_until(lambda: [q for q in procs.named("sleep") if "12345" in procs.command_line(q)], 20, "sleep")
    assert box.sessions() == []  # nothing to attach to, and no news at the next login
    assert far.tern("far", "true") == (0, b"", b"")
    for q in procs.named("sleep"):
        if "12345" in procs.command_line(q):
            os.kill(q, signal.SIGKILL)
    assert p.wait(20) == 255
    assert p.communicate() == (b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_the_command(far, number):
    name = number.name[3:]
    p = far.popen("tern-f", "far", f"trap 'echo got {name}; exit 0' {name}; echo up; sleep 100 >/dev/null & wait")
    assert p.stdout.readline() == b"up\n"
    p.send_signal(number)
    out, _ = p.communicate(timeout=20)
    assert out == f"got {name}\n".encode()
    for q in procs.named("sleep"):
        if "100" in procs.command_line(q).split():
            os.kill(q, signal.SIGKILL)


def test_killed_client(far, box, soak):
    """Its command sees closed pipes, as with ssh. (test_command_end.c has it without the wait.)"""
    if not soak:
        pytest.skip("takes 40 s: make soak")
    p = far.popen("tern-f", "far", "trap '' PIPE; echo up; cat; echo over > $HOME/over", stdin=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    p.kill()
    p.communicate()
    wait_until(lambda: os.path.exists(os.path.join(far.host.home, "over")), 60, "the end of stdin")


def test_background_and_nothing(far, box):
    mark = os.path.join(far.host.home, "mark")
    p = far.popen("tern-f", "-f", "far", "sleep 1; echo done > mark", stdout=subprocess.DEVNULL,
                  stderr=subprocess.DEVNULL)
    assert p.wait(20) == 0
    assert not os.path.exists(mark)  # it does not wait for the command
    wait_until(lambda: os.path.exists(mark), 20, "the command's end")
    assert far.tern("-f", "far")[0] != 0
    wait_until(lambda: not box.clients(), 20, "no client")
    p = far.popen("tern-f", "-N", "far", stdin=subprocess.PIPE)
    wait_until(lambda: box.servers(), 20, "a server")
    assert far.tern("far", "true")[0] == 0  # another login and command later it is still there
    assert p.poll() is None
    p.send_signal(signal.SIGTERM)
    assert p.communicate(timeout=20) == (b"", b"")
    assert p.returncode == 0


def udp_ports(pid):
    """Of the process's own sockets."""
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    with open(f"/proc/{pid}/net/udp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return [int(r[1].split(":")[1], 16) for r in rows if f"socket:[{r[9]}]" in links]


def dirty_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_Dirty"))


def test_strangers_who_flood_the_server(far, box):
    """QUIC initials for ids that nobody announced, of all versions, and rubbish: no answer, no memory, no harm."""
    p = far.popen("tern-f", "far", "cat", stdin=subprocess.PIPE)
    p.stdin.write(b"before\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"before\n"
    server, = [s for s in box.servers() if udp_ports(s)]
    ports, before = udp_ports(server), dirty_kb(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for i in range(20000):
            version = (1, 0x6b3343cf, 0, 0xff00001d)[i % 4].to_bytes(4, "big")
            initial = b"\xc3" + version + b"\x10" + os.urandom(16) + b"\x08" + os.urandom(8) + b"\x00\x44\x00"
            kinds = (initial.ljust(1200, b"x"), initial, b"\x40" + os.urandom(40), os.urandom(1 + i % 60))
            try:
                stranger.sendto(kinds[i // 4 % 4], ("127.0.0.1", ports[i % len(ports)]))
            except BlockingIOError:
                pass
        p.stdin.write(b"meanwhile\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"meanwhile\n"
        assert dirty_kb(server) - before < 4096
        out, _ = p.communicate(b"after\n" * 100000, timeout=60)
        assert out == b"after\n" * 100000
        assert p.returncode == 0
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)


def test_many_at_once(far, box):
    ps = [far.popen("tern-f", "far", f"head -c 200000 /dev/zero; exit {i}") for i in range(6)]
    for i, p in enumerate(ps):
        assert len(p.communicate(timeout=60)[0]) == 200000
        assert p.returncode == i


def test_without_tern_server(box, hosts):
    """Plain ssh through the one login, and tools see nothing of it."""
    host = hosts(server=False)
    far = Far(box, host)
    assert far.tern("far", "echo out; echo err >&2; exit 6") == (6, b"out\n", b"err\n")
    status, _, err = far.tern("-v", "far", "true")
    assert status == 0 and err.count(b"tern: no tern-server there") == 1
    assert host.logins() == 2
    assert far.tern("-s", "far", "no-such", timeout=30)[0] != 0


def test_verbose_counts(far):
    status, out, err = far.tern("-v", "far", "cat; echo e >&2", data=b"12345")
    assert (status, out) == (0, b"12345")
    assert b"tern: channel: 5 bytes sent, 5 received on stdout, 2 on stderr" in err


# ---- tools ----


def tree(path):
    out = {}
    for d, dirs, files in os.walk(path):
        dirs[:] = [n for n in dirs if n != ".git"]
        for f in files:
            with open(os.path.join(d, f), "rb") as h:
                out[os.path.relpath(os.path.join(d, f), path)] = hashlib.sha256(h.read()).hexdigest()
    return out


def make_tree(path, mib=1):
    os.makedirs(os.path.join(path, "sub dir"))
    for name, size in (("a", 10), ("empty", 0), ("sub dir/b c", 70000), ("big", mib * MIB)):
        with open(os.path.join(path, name), "wb") as f:
            f.write(os.urandom(size))


TOOLS = {
    "scp": lambda f, src, dst: ["scp", "-q", "-r", "-S", f.tern_f, src, f"far:{dst}"],
    "scp -O": lambda f, src, dst: ["scp", "-O", "-q", "-r", "-S", f.tern_f, src, f"far:{dst}"],
    "rsync": lambda f, src, dst: ["rsync", "-a", "-e", "tern-f", src + "/", f"far:{dst}"],
}
BACK = {
    "scp": lambda f, src, dst: ["scp", "-q", "-r", "-S", f.tern_f, f"far:{src}", dst],
    "scp -O": lambda f, src, dst: ["scp", "-O", "-q", "-r", "-S", f.tern_f, f"far:{src}", dst],
    "rsync": lambda f, src, dst: ["rsync", "-a", "-e", "tern-f", f"far:{src}/", dst],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_copies_there_and_back(far, box, tool):
    if not shutil.which(tool.split()[0]):
        pytest.skip(f"{tool} is not installed")
    src, there, back = box.file("src"), os.path.join(far.host.home, "there"), box.file("back")
    make_tree(src)
    assert far.run(*TOOLS[tool](far, src, there)) == (0, b"", b"")
    assert tree(there) == tree(src)
    assert far.run(*BACK[tool](far, there, back)) == (0, b"", b"")
    assert tree(back) == tree(src)
    assert channels(box) >= 2


def test_sftp_batch(far, box):
    make_tree(box.file("src"))
    batch = box.file("batch")
    with open(batch, "w") as f:
        f.write(f"put -r {box.file('src')} there\nls -l there\nget -r there {box.file('back')}\n-rm nothing\n")
    status, out, err = far.run("sftp", "-b", batch, "-S", far.tern_f, "far")
    assert status == 0, err
    assert tree(box.file("back")) == tree(box.file("src"))
    assert channels(box) == 1


def git(far, *words, cwd=None):
    env = {"GIT_SSH": far.tern_f, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null"}
    status, out, err = far.run("git", *(["-C", cwd] if cwd else []), *words, env=env)
    assert status == 0, err
    return out


def make_repository(far, mib=1):
    bare = os.path.join(far.host.home, "r.git")
    work = far.box.file("work")
    git(far, "init", "-q", "-b", "main", "--bare", bare)
    git(far, "init", "-q", "-b", "main", work)
    make_tree(os.path.join(work, "files"), mib)
    git(far, "add", ".", cwd=work)
    git(far, "commit", "-qm", "one", cwd=work)
    return bare, work


@pytest.mark.needs("git")
def test_git_push_and_clone(far, box):
    bare, work = make_repository(far)
    git(far, "push", "-q", f"far:{bare}", "main", cwd=work)
    git(far, "clone", "-q", f"far:{bare}", box.file("clone"))
    assert tree(box.file("clone")) == tree(work)
    assert channels(box) == 2


# ---- a link that goes away ----


class Away:
    """Far behind a link that can be dead for a while and whose client moves."""

    def __init__(self, box, lab, hosts):
        self.lab = lab
        host = hosts("far", address=lab.SERVER4, enter=lab.enter("s"), port=2200)
        self.far = Far(box, host, lab.enter("c"))
        self.n = 1

    def outage(self, seconds, move):
        """From within a transfer: dead, a new address meanwhile, and alive again."""
        self.lab.do("down")
        time.sleep(seconds)
        if move:
            self.n += 1
            self.lab.do(f"addr 10.77.0.{self.n}")
        self.lab.do("up")


@pytest.fixture
def away(box, netlab, hosts):
    a = Away(box, netlab, hosts)
    yield a
    box.wait_no_server(60)


def test_64_mib_both_ways_through_an_outage_and_a_move(away, soak):
    size, seconds, patience = (1024 * MIB, 60, 1500) if soak else (64 * MIB, 5, 120)
    block = os.urandom(MIB)
    want = hashlib.sha256()
    for _ in range(size // MIB):
        want.update(block)
    p = away.far.popen("tern-f", "far", "cat", stdin=subprocess.PIPE)
    dead = threading.Event()

    def feed():
        for i in range(size // MIB):
            if i == size // MIB // 2:
                assert dead.wait(patience)  # so that the rest has to pass through the outage
            p.stdin.write(block)
        p.stdin.close()

    def cut():
        away.lab.do("down")
        dead.set()
        away.outage(seconds, True)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    cutter = None
    got, count, start = hashlib.sha256(), 0, time.monotonic()
    while True:
        piece = os.read(p.stdout.fileno(), MIB)
        if not piece:
            break
        got.update(piece)
        count += len(piece)
        if count > size // 8 and not cutter:
            cutter = threading.Thread(target=cut, daemon=True)
            cutter.start()
        assert time.monotonic() < start + patience
    assert p.wait(30) == 0
    assert p.stderr.read() == b""
    assert count == size and time.monotonic() - start > seconds
    assert got.digest() == want.digest()


def test_a_command_is_given_up_when_an_outage_lasts_too_long(away, box):
    p = away.far.popen("tern-f", "--outage-timeout=4", "far", "echo up; cat", stdin=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    away.lab.do("down")
    p.stdin.write(b"x")
    p.stdin.flush()
    assert p.wait(30) == 255
    assert p.stderr.read().decode() == "tern: given up: the outage lasted longer than --outage-timeout allows\n"
    p.stdin.close()
    away.lab.do("up")
    [server] = box.servers()
    os.kill(server, signal.SIGTERM)


def test_pipe_of_a_command_is_replaced(far, box):
    """Without UDP, and the login's ssh dies in the middle: another one joins, and no byte is lost."""
    data = os.urandom(8 * MIB)
    p = far.popen("tern-f", "--transport=pipe", "far", "cat", stdin=subprocess.PIPE)
    got, halves = bytearray(), threading.Event()

    def read():
        while len(got) < len(data):
            piece = os.read(p.stdout.fileno(), 65536)
            if not piece:
                break
            got.extend(piece)
            if len(got) > len(data) // 4:
                halves.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    p.stdin.write(data[:len(data) // 2])
    p.stdin.flush()
    assert halves.wait(60)
    victims = procs.named("ssh")
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    p.stdin.write(data[len(data) // 2:])
    p.stdin.close()
    reader.join(60)
    assert bytes(got) == data
    assert p.wait(30) == 0
    assert far.host.logins() == 2


def test_stopped_client_goes_on(far, box):
    p = far.popen("tern-f", "far", "seq 200000")
    head = os.read(p.stdout.fileno(), 1000)
    p.send_signal(signal.SIGSTOP)
    time.sleep(2)
    p.send_signal(signal.SIGCONT)
    out, err = p.communicate(timeout=60)
    assert (p.returncode, err) == (0, b"")
    assert head + out == b"".join(b"%d\n" % n for n in range(1, 200001))


@pytest.mark.parametrize("tool", ["scp", "rsync", "git"])
def test_tools_through_an_outage(away, box, tool, soak):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    far, mib, dead = away.far, 16, 2
    if tool == "git":
        bare, work = make_repository(far, mib)
        words = [["push", "-q", f"far:{bare}", "main"], ["clone", "-q", f"far:{bare}", box.file("back")]]
        calls = [lambda: git(far, *words[0], cwd=work), lambda: git(far, *words[1])]
        src = work
    else:
        src, there = box.file("src"), os.path.join(far.host.home, "there")
        make_tree(src, mib)
        calls = [lambda: far.run(*TOOLS[tool](far, src, there)), lambda: far.run(*BACK[tool](far, there, box.file("back")))]
    def cut(before):
        """Not during the login, which is ssh's."""
        wait_until(lambda: opened(box) > before, 60, "the channel")
        time.sleep(0.3)
        away.outage(dead, True)

    away.lab.do("rate=100mbit")
    for call in calls:
        cutter, start = threading.Thread(target=cut, args=(opened(box),), daemon=True), time.monotonic()
        cutter.start()
        call()
        cutter.join(60)
        assert time.monotonic() - start > dead  # it fell into the middle
    assert tree(box.file("back")) == tree(src)
