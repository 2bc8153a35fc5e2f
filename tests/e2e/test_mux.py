"""Shared connections: stock ssh, scp, sftp, rsync and git through tern's control socket, over a real sshd.
ProxyCommand=false everywhere, so that their silent fallback to a connection of their own is a failure."""
import array
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

from lib import procs
from lib.near import Near
from lib.sshd import PROMPT, UID, free_port
from lib.wait import wait_until

MIB = 1 << 20


class Shared(Near):
    """A host with an owner of its connection, and clients of it."""

    def __init__(self, box, host, enter=()):
        self.box, self.host, self.enter = box, host, list(enter)
        self.path = os.path.join(box.root, "ctl")
        box.script("tern-f", f'exec tern -F {box.env["F"]} "$@"')
        box.script("ssh-s", f'exec ssh -F {box.env["F"]} -o ProxyCommand=false -S {self.path} "$@"')

    def own(self, *words, **more):
        """An owner in the background."""
        got = self.run("tern-f", "-M", "-S", self.path, "-fN", *words, "far", **more)
        assert got == (0, b"", b""), got
        assert stat.S_ISSOCK(os.lstat(self.path).st_mode)

    def ssh(self, *words, **more):
        return self.run("ssh-s", *words, **more)

    def tern(self, *words, **more):
        return self.run("tern-f", "-S", self.path, *words, **more)

    def pid(self):
        status, _, err = self.ssh("-O", "check", "far")
        assert status == 0 and err.startswith(b"Master running (pid="), err
        return int(err.split(b"=")[1].split(b")")[0])

    def exit(self):
        assert self.ssh("-O", "exit", "far") == (0, b"", b"Exit request sent.\r\n")
        self.gone()

    def gone(self, timeout=15):
        wait_until(lambda: not os.path.exists(self.path), timeout, "the socket removed")

    def logins(self):
        return self.host.logins()


@pytest.fixture
def shared(box, hosts):
    s = Shared(box, hosts())
    yield s
    if os.path.exists(s.path):
        s.ssh("-O", "exit", "far")
    box.wait_no_server(40)


def sleeping(seconds):
    return [p for p in procs.named("sleep") if seconds in procs.command_line(p)]


# ---- commands ----


def test_commands_of_stock_ssh(shared):
    shared.own()
    pid = shared.pid()
    assert os.getsid(pid) == pid  # a session of its own
    assert stat.S_IMODE(os.lstat(shared.path).st_mode) == 0o600
    assert shared.ssh("far", "exit 9") == (9, b"", b"")
    assert shared.ssh("far", "echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    assert shared.ssh("far", "kill -9 $$") == (255, b"", b"")
    data = os.urandom(20 * MIB)
    assert shared.ssh("far", "cat", data=data) == (0, data, b"")
    assert shared.ssh("-n", "far", "cat") == (0, b"", b"")
    assert shared.run("bash", "-c", "ssh-s far 'cat; echo end' <&-") == (0, b"end\n", b"")
    assert shared.ssh("-T", "far", data=b"echo $0; exit 4") == (4, b"-bash\n", b"")
    assert shared.ssh("far", "head -c 3; exit 5", data=b"x" * MIB)[:2] == (5, b"xxx")
    assert shared.run("bash", "-c", "ssh-s far yes | head -1; echo ${PIPESTATUS[0]}")[1] == b"y\n255\n"
    wait_until(lambda: not procs.named("yes"), 10, "no yes")
    env = {"LC_TEST": "from here", "SECRET": "not sent"}
    words = ["-o", "SendEnv=LC_TEST SECRET", "far", "echo $LC_TEST,$SECRET"]
    assert shared.ssh(*words, env=env)[1] == b",\n"  # the owner's SendEnv decides
    assert len(shared.host.commands()) == 1 and shared.logins() == 1  # one login for all
    shared.exit()
    shared.own("-o", "SendEnv=LC_TEST")
    assert shared.ssh(*words, env=env)[1] == b"from here,\n"
    shared.exit()


def test_ten_at_once(box, hosts):
    shared = Shared(box, hosts(config="MaxSessions 1"))  # which counts sshd's sessions
    shared.own()
    all_of_them = [shared.popen("ssh-s", "far", f"cat; exit {i}", stdin=subprocess.PIPE) for i in range(10)]
    data = os.urandom(MIB)
    for i, p in enumerate(all_of_them):
        out, err = p.communicate(data, timeout=60)
        assert (p.returncode, hashlib.sha256(out).digest(), err) == (i, hashlib.sha256(data).digest(), b"")
    assert shared.logins() == 1
    shared.exit()
    box.wait_no_server(40)


def test_flags_of_descriptors_are_as_they_were(shared):
    """O_NONBLOCK belongs to the open file, which the user's shell shares."""
    shared.own()
    a, b = socket.socketpair()
    r, w = os.pipe()
    for fd in (a.fileno(), r, w):
        assert not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
    p = shared.popen("ssh-s", "far", "cat >/dev/null; echo done", stdin=r, stdout=a, stderr=a)
    os.write(w, b"x" * 1000)
    os.close(w)
    assert p.wait(30) == 0 and b.recv(100) == b"done\n"
    assert not fcntl.fcntl(a.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK
    assert not fcntl.fcntl(r, fcntl.F_GETFL) & os.O_NONBLOCK
    os.close(r)
    shared.exit()


def test_killed_client(shared):
    shared.own()
    p = shared.popen("ssh-s", "far", "cat; sleep 0.1; echo over >$HOME/over", stdin=subprocess.PIPE)
    p.stdin.write(b"x\n")
    p.stdin.flush()
    assert p.stdout.read(2) == b"x\n"
    p.kill()
    p.wait()
    # It sees the end of its stdin, and goes on, as with sshd.
    wait_until(lambda: os.path.exists(os.path.join(shared.host.home, "over")), 15, "the command's end")
    assert shared.ssh("far", "echo still") == (0, b"still\n", b"")
    shared.exit()


# ---- tools ----


def test_scp_sftp_rsync_git(shared):
    shared.own()
    box, options = shared.box, ["-F", shared.box.env["F"], "-o", f"ControlPath={shared.path}", "-o", "ProxyCommand=false"]
    data = os.urandom(2 * MIB)
    with open(box.file("data"), "wb") as f:
        f.write(data)
    for more in ([], ["-O"]):
        if shutil.which("scp"):
            assert shared.run("scp", "-q", *more, *options, box.file("data"), "far:copy")[0] == 0
            assert shared.run("scp", "-q", *more, *options, "far:copy", box.file("back"))[0] == 0
            assert open(box.file("back"), "rb").read() == data
            os.unlink(os.path.join(shared.host.home, "copy"))
    if shutil.which("sftp"):
        batch = f"put {box.file('data')} two\nget two {box.file('two')}\nrm two\n".encode()
        assert shared.run("sftp", *options, "-b", "-", "far", data=batch)[0] == 0
        assert open(box.file("two"), "rb").read() == data
    if shutil.which("rsync"):
        status, _, err = shared.run("rsync", "-e", "ssh-s", "-a", box.file("data"), "far:three")
        assert status == 0, err
        assert open(os.path.join(shared.host.home, "three"), "rb").read() == data
    if shutil.which("git"):
        bare, work = os.path.join(shared.host.home, "r.git"), box.file("work")
        env = {"GIT_SSH_COMMAND": "ssh-s", "GIT_CONFIG_GLOBAL": "/dev/null"}
        for words in (["init", "-q", "-b", "main", "--bare", bare], ["init", "-q", "-b", "main", work]):
            assert shared.run("git", *words, env=env)[0] == 0
        shutil.copy(box.file("data"), work)
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-C", work]
        for words in (["add", "."], ["commit", "-qm", "one"], ["push", "-q", f"far:{bare}", "main"]):
            status, _, err = shared.run("git", *who, *words, env=env)
            assert status == 0, err
        assert shared.run("git", "clone", "-q", f"far:{bare}", box.file("clone"), env=env)[0] == 0
        assert open(box.file("clone/data"), "rb").read() == data
    assert shared.logins() == 1
    shared.exit()


# ---- forwards ----


def answer(port):
    """What the far sshd says to who connects, without a wait for one that is gone."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        return s.recv(3)


def test_forwards(shared):
    shared.own()
    sshd, a, b = shared.host.port, free_port("127.0.0.1"), free_port("127.0.0.1")
    local, dynamic = f"{a}:127.0.0.1:{sshd}", str(b)
    for _ in range(2):  # the second one stands already
        assert shared.ssh("-O", "forward", "-L", local, "-D", dynamic, "far") == (0, b"", b"")
    assert answer(a) == b"SSH"
    assert shared.run("curl", "-s", "--max-time", "10", "--socks5-hostname", f"127.0.0.1:{b}", "--http0.9",
                      f"http://127.0.0.1:{sshd}/")[1][:3] == b"SSH"
    remote = f"0:127.0.0.1:{sshd}"
    status, out, err = shared.ssh("-O", "forward", "-R", remote, "far")
    assert (status, err) == (0, b"") and answer(int(out)) == b"SSH"
    assert shared.ssh("-O", "forward", "-R", remote, "far") == (0, out, b"")
    told = shared.tern("-O", "conninfo", "far")
    assert told[0] == 0 and told[1].count(b"forward -") == 3 and b"round trip" in told[1]
    # SOCKS there is the bootstrap ssh's.
    c = free_port("127.0.0.1")
    assert shared.ssh("-O", "forward", "-R", str(c), "far") == (0, b"", b"")
    assert shared.run("curl", "-s", "--max-time", "10", "--socks5-hostname", f"127.0.0.1:{c}", "--http0.9",
                      f"http://127.0.0.1:{sshd}/")[1][:3] == b"SSH"
    assert shared.ssh("-O", "cancel", "-R", str(c), "far") == (0, b"", b"")
    # A port in use, also for a session: stock ssh then goes its own way, which is shut here.
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        taken = f"{s.getsockname()[1]}:127.0.0.1:1"
        assert shared.ssh("-O", "forward", "-L", f"127.0.0.1:{taken}", "far")[0] == 255
        assert shared.ssh("-L", f"127.0.0.1:{taken}", "far", "true")[0] == 255
    for words, times in ((["-L", local], 2), (["-R", remote], 2), (["-D", dynamic], 1)):
        for i in range(times):
            status, _, err = shared.ssh("-O", "cancel", *words, "far")
            assert status == 0 and (b"port not forwarded" in err) == (i == 1), err
    for port in (a, b, int(out)):
        with pytest.raises(OSError):
            wait_until(lambda: not answer(port), 5, "nothing")
    shared.exit()


def test_forwards_of_unix_sockets(shared):
    shared.own()
    here, there = shared.box.file("here"), os.path.join(shared.host.home, "there")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(there)
        s.listen()
        assert shared.ssh("-O", "forward", "-L", f"{here}:{there}", "far") == (0, b"", b"")
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(here)
            k, _ = s.accept()
            k.sendall(b"hello")
            assert c.recv(10) == b"hello"
            k.close()
    assert shared.ssh("-O", "cancel", "-L", f"{here}:{there}", "far") == (0, b"", b"")
    assert not os.path.exists(here)
    # One that tern does not serve itself is the bootstrap ssh's.
    far = os.path.join(shared.host.home, "far.sock")
    assert shared.ssh("-O", "forward", "-R", f"{far}:127.0.0.1:{shared.host.port}", "far") == (0, b"", b"")
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(far)
        assert c.recv(3) == b"SSH"
    assert shared.ssh("-O", "cancel", "-R", f"{far}:127.0.0.1:{shared.host.port}", "far") == (0, b"", b"")
    shared.exit()


def test_stdio_forward(shared):
    shared.own()
    p = shared.popen("ssh-s", "-W", f"127.0.0.1:{shared.host.port}", "far", stdin=subprocess.PIPE)
    assert p.stdout.read(4) == b"SSH-"
    p.stdin.close()
    p.stdout.read()
    assert p.wait(20) == 0
    status, _, err = shared.ssh("-W", "127.0.0.1:1", "far")
    assert status == 255 and b"Stdio forwarding request failed" in err, err
    # A jump host by it.
    words = ["-F", shared.box.env["F"], "-o", f"ProxyCommand=ssh-s -W 127.0.0.1:{shared.host.port} far", "far", "echo jumped"]
    assert shared.run("ssh", *words)[:2] == (0, b"jumped\n")
    shared.exit()


def test_restricted_forwards_are_judged_by_sshd(box, hosts):
    shared = Shared(box, hosts(config="AllowTcpForwarding no"))
    shared.own()
    a = free_port("127.0.0.1")
    assert shared.ssh("far", "echo runs") == (0, b"runs\n", b"")
    assert shared.ssh("-O", "forward", "-R", f"0:127.0.0.1:{shared.host.port}", "far")[0] == 255
    assert shared.ssh("-W", f"127.0.0.1:{shared.host.port}", "far")[0] == 255
    assert shared.ssh("-O", "forward", "-L", f"{a}:127.0.0.1:{shared.host.port}", "far") == (0, b"", b"")
    assert answer(a) == b""  # ssh listens, and sshd refuses
    shared.exit()
    box.wait_no_server(40)


# ---- the owner's life ----


def test_stop_and_exit_with_a_live_session(shared):
    shared.own()
    p = shared.popen("ssh-s", "far", "cat", stdin=subprocess.PIPE)
    p.stdin.write(b"1\n")
    p.stdin.flush()
    assert p.stdout.read(2) == b"1\n"
    assert shared.ssh("-O", "stop", "far") == (0, b"", b"Stop listening request sent.\r\n")
    assert not os.path.exists(shared.path)
    p.stdin.write(b"2\n")
    p.stdin.flush()
    assert p.stdout.read(2) == b"2\n"
    p.stdin.close()
    assert p.wait(20) == 0
    shared.box.wait_no_server(40)  # and with the last client it ends
    shared.own()
    p = shared.popen("ssh-s", "far", "echo up; sleep 3456")
    assert p.stdout.read(3) == b"up\n"
    shared.exit()
    assert p.wait(20) == 255
    for q in sleeping("3456"):
        os.kill(q, signal.SIGKILL)


def test_killed_owner_leaves_a_socket_that_is_replaced(shared):
    shared.own()
    servers = shared.box.servers()
    p = shared.popen("ssh-s", "far", "echo up; exec sleep 3457")
    assert p.stdout.read(3) == b"up\n"
    os.kill(shared.pid(), signal.SIGKILL)
    assert p.wait(20) == 255
    assert os.path.exists(shared.path)
    assert shared.ssh("-O", "check", "far")[0] == 255
    for q in sleeping("3457"):
        os.kill(q, signal.SIGKILL)
    auto = ["-o", "ControlMaster=auto", "-o", "ControlPersist=yes"]
    assert shared.tern(*auto, "far", "echo again") == (0, b"again\n", b"")
    assert shared.ssh("far", "echo by it") == (0, b"by it\n", b"")
    shared.exit()
    for q in servers:  # it waits in case that its client comes back
        os.kill(q, signal.SIGKILL)
    left = os.path.join(shared.box.root, "tmp")
    for d, _, names in os.walk(left):
        for name in names:
            if stat.S_ISSOCK(os.lstat(os.path.join(d, name)).st_mode):
                os.unlink(os.path.join(d, name))


def test_what_is_in_the_way_stays(shared):
    with open(shared.path, "w") as f:
        f.write("mine")
    status, out, err = shared.tern("-M", "far", "echo runs")
    assert (status, out) == (0, b"runs\n") and b"already exists" in err
    assert open(shared.path).read() == "mine"
    os.unlink(shared.path)
    # A folder in which others may write.
    os.mkdir(shared.box.file("open"))
    os.chmod(shared.box.file("open"), 0o777)
    path = shared.box.file("open") + "/ctl"
    status, out, err = shared.run("tern-f", "-M", "-S", path, "far", "echo runs")
    assert (status, out) == (0, b"runs\n") and b"other users may write there" in err
    assert not os.path.exists(path)
    # A living ssh: neither used nor broken.
    master = shared.popen("ssh", "-F", shared.box.env["F"], "-M", "-N", "-S", shared.path, "far")
    wait_until(lambda: os.path.exists(shared.path), 20, "the master")
    before = os.lstat(shared.path).st_ino
    status, out, err = shared.tern("-o", "ControlMaster=auto", "far", "echo runs")
    assert (status, out) == (0, b"runs\n") and b"left alone" in err
    assert os.lstat(shared.path).st_ino == before
    assert shared.tern("-O", "check", "far")[2].startswith(b"Master running")
    assert shared.ssh("far", "echo ssh") == (0, b"ssh\n", b"")
    assert shared.tern("-O", "exit", "far")[0] == 0
    assert master.wait(20) in (0, 255)


def test_another_user_is_refused(shared):
    shared.own()
    os.chmod(shared.box.root, 0o711)
    os.chmod(shared.path, 0o666)  # as if the mode did not protect it
    program = f"""
import os, socket
os.setgid({UID}); os.setuid({UID})
s = socket.socket(socket.AF_UNIX)
s.connect({shared.path!r})
print(s.recv(100))
"""
    status, out, err = shared.run("/usr/bin/python3", "-c", program)
    assert (status, out) == (0, b"b''\n"), err
    shared.exit()


def test_persist(shared):
    words = ["-o", "ControlMaster=auto", "-o", "ControlPersist=8"]
    assert shared.tern(*words, "far", "echo $PPID; exit 6")[0] == 6
    assert os.path.exists(shared.path)
    p = shared.popen("tern-f", "-S", shared.path, *words, "far", "cat", stdin=subprocess.PIPE)
    p.stdin.close()
    assert p.wait(20) == 0
    assert shared.tern(*words, "far", "exit 7")[0] == 7
    assert shared.logins() == 1
    shared.gone(30)
    # Without it the connection ends with its last client.
    p = shared.popen("tern-f", "-M", "-S", shared.path, "far", "cat", stdin=subprocess.PIPE)
    wait_until(lambda: os.path.exists(shared.path), 20, "the socket")
    q = shared.popen("ssh-s", "far", "echo up; cat", stdin=subprocess.PIPE)
    assert q.stdout.read(3) == b"up\n"
    p.stdin.close()
    assert p.wait(20) == 0
    q.stdin.write(b"more\n")
    q.stdin.close()
    assert q.stdout.read() == b"more\n" and q.wait(20) == 0
    shared.gone()
    assert shared.logins() == 2


def test_settings_of_the_files(shared):
    """ControlPath of ssh's configuration serves both; ControlMaster there is ssh's alone."""
    conf = shared.box.env["F"]
    with open(conf, "a") as f:
        f.write(f"\nHost *\nControlPath {shared.box.root}/%n-%r\nControlMaster auto\n")
    path = f"{shared.box.root}/far-root"
    assert shared.run("tern-f", "far", "echo one") == (0, b"one\n", b"")
    assert not os.path.exists(path)
    shared.box.config("Host far\nControlMaster auto\nControlPersist 1m\n")
    assert shared.run("tern-f", "far", "echo two") == (0, b"two\n", b"")
    assert stat.S_ISSOCK(os.lstat(path).st_mode)
    logins = shared.logins()
    assert shared.run("tern-f", "far", "echo three") == (0, b"three\n", b"")
    assert shared.run("ssh", "-F", conf, "-o", "ProxyCommand=false", "far", "echo four") == (0, b"four\n", b"")
    assert shared.logins() == logins
    assert shared.run("tern-f", "-O", "exit", "far")[0] == 0
    shared.box.config("Host far\nControlPersist sometimes\n")
    status, _, err = shared.run("tern-f", "far", "true")
    assert status == 2 and b"ControlPersist sometimes: must be" in err


def test_the_user_is_asked(shared):
    asked = shared.box.file("asked")
    shared.box.script("askpass", f'echo "$1" >>{asked}; [ -e {shared.box.file("allow")} ]')
    env = {"SSH_ASKPASS": os.path.join(shared.box.root, "bin", "askpass"), "DISPLAY": ":9"}
    open(shared.box.file("allow"), "w").close()
    assert shared.run("tern-f", "-M", "-M", "-S", shared.path, "-fN", "far", env=env) == (0, b"", b"")
    shared.pid()  # is not asked for
    assert not os.path.exists(asked)
    assert shared.ssh("far", "echo yes") == (0, b"yes\n", b"")
    os.unlink(shared.box.file("allow"))
    status, _, err = shared.ssh("far", "echo no")
    assert status == 255 and b"Permission denied" in err
    assert shared.ssh("-O", "exit", "far")[0] != 0
    assert open(asked).read().count("far?") == 3
    os.kill(shared.pid(), signal.SIGTERM)
    shared.gone()


# ---- tern as a client ----


def test_tern_as_a_client(shared):
    shared.own()
    sshd, a = shared.host.port, free_port("127.0.0.1")
    assert shared.tern("far", "echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    data = os.urandom(MIB)
    assert shared.tern("far", "cat", data=data) == (0, data, b"")
    assert shared.tern("-n", "far", "cat") == (0, b"", b"")
    assert shared.tern("far", "kill -9 $$")[0] == 255
    assert shared.tern("-s", "far", "sftp", data=b"")[0] == 0
    p = shared.popen("tern-f", "-S", shared.path, "-W", f"127.0.0.1:{sshd}", "far", stdin=subprocess.PIPE)
    assert p.stdout.read(4) == b"SSH-"
    p.stdin.close()
    p.stdout.read()
    assert p.wait(20) == 0
    # -f: it is through when the command runs, which goes on.
    done = os.path.join(shared.host.home, "done")
    p = shared.popen("tern-f", "-S", shared.path, "-f", "far", f"sleep 2; echo done >{done}",
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert p.wait(20) == 0
    assert not os.path.exists(done)
    wait_until(lambda: os.path.exists(done), 15, "the command's end")
    # -N: its forwards end with it.
    p = shared.popen("tern-f", "-S", shared.path, "-N", "-L", f"{a}:127.0.0.1:{sshd}", "far")

    def there():
        try:
            return answer(a) == b"SSH"
        except OSError:
            return False
    wait_until(there, 15, "the forward")
    p.terminate()
    assert p.wait(20) == 0
    assert not there()
    # Killed, it leaves a command without input.
    p = shared.popen("tern-f", "-S", shared.path, "far", "cat; echo over >$HOME/over", stdin=subprocess.PIPE)
    p.stdin.write(b"x\n")
    p.stdin.flush()
    assert p.stdout.read(2) == b"x\n"
    p.terminate()
    assert p.wait(20) == 255
    wait_until(lambda: os.path.exists(os.path.join(shared.host.home, "over")), 15, "the command's end")
    assert shared.logins() == 1
    # What is lent to one session is not lent through an owner, whose commands are one for the server.
    status, out, _ = shared.tern("-A", "far", "echo own")
    assert (status, out, shared.logins()) == (0, b"own\n", 2)
    for words, status in ((["-O", "check"], 0), (["-O", "channels"], 0), (["-O", "bogus"], 255)):
        assert shared.tern(*words, "far")[0] == status
    assert shared.tern("-O", "stop", "far")[2] == b"Stop listening request sent.\r\n"
    assert shared.tern("-O", "check", "far")[0] == 255
    status, _, err = shared.run("tern-f", "-O", "check", "far")
    assert status == 255 and b"No ControlPath specified" in err


def test_no_server_there(box, hosts):
    """What tern does then is done in the same way: there is nothing to share."""
    shared = Shared(box, hosts(server=False))
    status, out, _ = shared.tern("-M", "far", "echo runs; exit 4")
    assert (status, out) == (4, b"runs\n")
    assert not os.path.exists(shared.path)
    status, _, err = shared.tern("-M", "--no-fallback", "far", "true")
    assert status == 255 and b"no tern-server was found there" in err


# ---- what is wrong ----


class Raw:
    """A client that says what it likes."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(path)

    def say(self, kind, *words):
        body = struct.pack(">I", kind) + b"".join(
            struct.pack(">I", w) if isinstance(w, int) else struct.pack(">I", len(w)) + w for w in words)
        self.s.sendall(struct.pack(">I", len(body)) + body)

    def take(self, n):
        got = b""
        while len(got) < n:
            more = self.s.recv(n - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def hear(self):
        body = self.take(struct.unpack(">I", self.take(4))[0])
        return struct.unpack(">I", body[:4])[0], body[4:]

    def hello(self):
        assert self.hear()[0] == 1
        self.say(1, 4)
        return self

    def closed(self):
        try:
            return self.s.recv(1) == b""
        except ConnectionResetError:
            return True

    def descriptor(self, *fds):
        self.s.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])


def test_what_is_wrong_hurts_nobody(shared):
    shared.own()
    session = (0x10000002, 1, b"", 0, 0, 0, 0, 0xffffffff, b"", b"echo hello")
    r = Raw(shared.path).hello()
    r.say(0x10000099, 5)  # an unknown request, and the connection lives on
    assert r.hear()[0] == 0x80000003
    r.say(0x1000000f, 6)  # proxy
    assert r.hear()[0] == 0x80000003
    r.say(0x10000006, 7, 9, b"", 1, b"h", 1)  # a forward of no kind
    assert r.hear()[0] == 0x80000003
    r.say(0x10000004, 8)
    assert r.hear()[0] == 0x80000005
    for bad in (lambda r: r.say(0x10000004, 1),                # before HELLO
                lambda r: r.say(1, 3),                         # another version
                lambda r: r.hello().say(1, 4),                 # HELLO twice
                lambda r: r.hello().s.sendall(b"\0\4\0\1"),    # too long
                lambda r: r.hello().s.sendall(b"\0\0\0\1x"),   # too short
                lambda r: r.hello().say(0x10000002, 1, b"x")):  # cut off
        r = Raw(shared.path)
        bad(r)
        try:
            while True:
                r.hear()
        except (EOFError, ConnectionResetError):
            pass
    # Descriptors: none with the byte, two with one byte; all of it byte by byte.
    null = os.open("/dev/null", os.O_RDWR)
    for fds in ((), (null, null)):
        r = Raw(shared.path).hello()
        r.say(*session)
        for _ in range(3):
            r.descriptor(*fds)
        assert r.hear()[0] == 0x80000003 and r.closed()
    r = Raw(shared.path).hello()
    out, w = os.pipe()
    body = struct.pack(">III", 0x10000002, 1, 0) + struct.pack(">IIIII", 0, 0, 0, 0, 0xffffffff)
    body += struct.pack(">I", 0) + struct.pack(">I", 4) + b"echo"
    for byte in struct.pack(">I", len(body)) + body:
        r.s.sendall(bytes([byte]))
    for fd in (null, w, w):
        r.descriptor(fd)
    os.close(w)
    kind, rest = r.hear()
    assert kind == 0x80000006 and os.read(out, 10) == b"\n"
    # A second session on it is refused.
    kind, rest2 = r.hear()
    assert (kind, rest2) == (0x80000004, rest[4:] + b"\0\0\0\0") and r.closed()
    # One that goes away in the middle, and one that is silent.
    r = Raw(shared.path).hello()
    r.say(*session)
    r.descriptor(null)
    r.s.close()
    silent = Raw(shared.path)
    assert shared.ssh("far", "echo fine") == (0, b"fine\n", b"")
    silent.s.close()
    os.close(null)
    os.close(out)
    shared.exit()


# ---- a network that goes away ----


@pytest.mark.parametrize("tool", ["scp", "ssh"])
def test_tools_through_an_outage(box, netlab, hosts, tool):
    host = hosts("far", address=netlab.SERVER4, enter=netlab.enter("s"), port=2200)
    shared = Shared(box, host, netlab.enter("c"))
    shared.own()
    data = os.urandom(6 * MIB)
    with open(box.file("data"), "wb") as f:
        f.write(data)
    if tool == "scp":
        p = shared.popen("scp", "-q", "-l", "20000", "-F", box.env["F"], "-o", f"ControlPath={shared.path}", "-o",
                         "ProxyCommand=false", box.file("data"), "far:copy")
    else:
        p = shared.popen("ssh-s", "far", "cat >copy", stdin=subprocess.PIPE)
        threading.Thread(target=lambda: (p.stdin.write(data[:3 * MIB]), p.stdin.flush()), daemon=True).start()
    copy = os.path.join(host.home, "copy")
    wait_until(lambda: os.path.exists(copy) and os.path.getsize(copy) > 0, 30, "the copy begun")
    netlab.do("down")
    time.sleep(4)
    assert p.poll() is None
    during = shared.popen("ssh-s", "far", "echo waited")  # asked for while nothing gets through
    time.sleep(1)
    netlab.do("addr 10.77.0.2")
    netlab.do("up")
    if tool == "ssh":
        p.stdin.write(data[3 * MIB:])
    out, err = p.communicate(timeout=60)
    assert p.returncode == 0, err
    assert open(copy, "rb").read() == data
    assert during.communicate(timeout=30) == (b"waited\n", b"") and during.returncode == 0
    assert shared.logins() <= 2  # the pipe is opened again; nothing else logs in
    shared.exit()
    box.wait_no_server(60)
