"""tern-server under the name mosh-server: the stock command line, and what the program finds."""
import os
import pty
import re
import signal
import socket
import subprocess
import termios

import pytest

from lib import procs
from lib.wait import wait_until

both = pytest.mark.parametrize("kind", ["ours", "stock"])


def end(p):
    """Ends the server that a command has left running."""
    m = re.search(r"pid = (\d+)", p.stderr)
    if m:
        os.kill(int(m[1]), signal.SIGTERM)


REFUSED = [
    (["new", "-p", "60100:60090"], "Bad UDP port range (60100:60090)"),
    (["new", "-p", "0:5"], "Bad UDP port range (0:5)"),
    (["new", "-p", "abc"], "Bad UDP port range (abc)"),
    (["new", "-p", "99999"], "Bad UDP port range (99999)"),
    (["127.0.0.1", "1x"], "Bad UDP port range (1x)"),
    (["new", "-c", "x"], "Bad number of colors (x)"),
    (["a", "b", "c"], "Usage: "),
]


@both
@pytest.mark.parametrize("args,text", REFUSED, ids=[" ".join(a) for a, _ in REFUSED])
def test_refused(moshes, kind, args, text):
    p = moshes.run_server(kind, *args)
    assert (p.returncode, p.stdout) == (1, "") and text in p.stderr and "mosh-server new [-s]" in p.stderr


ACCEPTED = [
    (["new", "-p", "0"], ""),
    (["new", "-p", "61000:61999", "-s"], "Warning: SSH_CONNECTION not found"),
    (["new", "-z", "-p61000:61999"], "Usage: "),
    (["new", "-p", "61000:61999", "-l", "LANG=C.UTF-8", "-@", "x", "word"], ""),
    (["127.0.0.1"], ""),
    (["127.0.0.1", "61000:61999"], ""),
    ([], ""),
    (["new", "-i", "192.0.2.1", "-p", "62000:62002"], "Error binding to IP 192.0.2.1: bind: Cannot assign"),
]


@both
@pytest.mark.parametrize("args,text", ACCEPTED, ids=[" ".join(a) or "no words" for a, _ in ACCEPTED])
def test_accepted(moshes, kind, args, text):
    p = moshes.run_server(kind, *args)
    end(p)
    s = moshes.adopt(kind, p)
    assert p.stdout == f"MOSH CONNECT {s.port} {s.key}\n"
    assert re.search(r"\nmosh-server \(mosh 1\.4\.0\) \[build [^\n]*\]\n(.*\n)+\n\[mosh-server detached, pid = \d+\]\n$", p.stderr)
    assert text in p.stderr


@both
def test_help_and_version(moshes, kind):
    for args, begin in [(["new", "-h"], "Usage: "), (["--help"], "Usage: "),
                        (["new", "-p", "1", "--version"], "mosh-server (mosh 1.4.0) [build ")]:
        p = moshes.run_server(kind, *args)
        assert p.returncode == 0 and p.stdout.startswith(begin) and p.stderr == ""


def bound(server):
    """Local addresses of a server's UDP sockets on its port."""
    found, fds = set(), f"/proc/{server.pid}/fd"
    mine = {os.readlink(f"{fds}/{fd}") for fd in os.listdir(fds)}
    for name, family in (("udp", socket.AF_INET), ("udp6", socket.AF_INET6)):
        with open(f"/proc/net/{name}") as f:
            for line in f.readlines()[1:]:
                words = line.split()
                address, number = words[1].split(":")
                if int(number, 16) == server.port and f"socket:[{words[9]}]" in mine:
                    raw = b"".join(bytes.fromhex(address[i:i + 8])[::-1] for i in range(0, len(address), 8))
                    found.add(socket.inet_ntop(family, raw))
    return found


def test_ports_and_addresses(moshes):
    """The lowest free port; the address wished for; by ssh's; a name, which stock does not take."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    cases = [
        (["new", "-i", "127.0.0.1", "-p", f"{port}:{min(port + 9, 65535)}"], {}, {"127.0.0.1"}),
        (["new", "-s", "-p", "61000:61999"], {"SSH_CONNECTION": "::1 40000 ::ffff:127.0.0.1 22"}, {"127.0.0.1"}),
        (["new", "-i", "localhost", "-p", "61000:61999"], {}, None),
        (["new", "-p", "61000:61999"], {}, {"0.0.0.0", "::"}),
        (["new", "-i", "127.0.0.1", "-s", "-i", "127.0.0.2", "-p", "63000:63999"],
         {"SSH_CONNECTION": "::1 40000 127.0.0.1 22"}, {"127.0.0.2"}),
    ]
    for args, env, want in cases:
        s = moshes.adopt("ours", moshes.run_server("ours", *args, env=env))
        assert s.port != port
        assert bound(s) == want or (want is None and bound(s) <= {"127.0.0.1", "::1"}), args
    if os.path.exists("/proc/net/if_inet6"):
        s = moshes.adopt("ours", moshes.run_server("ours", "new", "-i", "::1", "-p", "61000:61999"))
        assert bound(s) == {"::1"}
    taken.close()


@both
def test_on_a_terminal(moshes, kind):
    """A blank line first; the terminal's size for the program."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (33, 99))
    s = moshes.server(kind, "sh", "-c", "stty size > size; cat", stdin=slave)
    assert s.out.startswith("\r\n\nMOSH CONNECT ")
    os.close(slave)
    os.close(master)  # as when ssh ends: a hangup
    w = moshes.client("ours" if kind == "stock" else "stock", s, cols=99, rows=33)
    path = os.path.join(moshes.box.home, "size")
    wait_until(lambda: os.path.exists(path) and open(path).read() == "33 99\n", 10, "the size", w.text)


def facts(moshes, script, options=(), env=None, command=True, home=None):
    """What a program in the session writes to the file `facts`."""
    path = os.path.join(home or moshes.box.home, "facts")
    script = f"{{ {script}; }} > {path}.new; mv {path}.new {path}; read x"
    if command:
        s = moshes.server("ours", "sh", "-c", script, options=options, env=env)
    else:
        with open(os.path.join(moshes.box.home, ".bash_profile"), "w") as f:
            f.write(script + "\n")
        s = moshes.adopt("ours", moshes.run_server("ours", "new", "-p", "61000:61999", *options, env=env))
    w = moshes.client("ours", s)
    wait_until(lambda: os.path.exists(path), 15, "the program's word", w.text)
    with open(path) as f:
        text = f.read()
    os.unlink(path)
    return text, w


def test_environment_of_a_command(moshes):
    text, _ = facts(moshes, "env; pwd; stty -a; stty size", ["-c", "256"],
                    {"STY": "1", "MOSH_KEY": "x", "FOO": "bar", "TERM": "vt52"})
    lines = text.splitlines()
    home = moshes.box.home
    for want in ["TERM=xterm-256color", "NCURSES_NO_UTF8_ACS=1", "FOO=bar", f"PWD={home}", home, "24 80", "LANG=C.UTF-8"]:
        assert want in lines
    assert " iutf8" in text
    assert not [x for x in lines if x.startswith(("STY=", "MOSH_KEY="))]
    text, _ = facts(moshes, "env", ["-c", "8"])
    assert "TERM=xterm" in text.splitlines()


def test_locale(moshes):
    """-l is the fall-back for a host whose own locale is not UTF-8; without any, what the host has."""
    for env, options, want in [
        ({"LANG": "C", "LC_TIME": "C"}, ["-l", "LANG=C.UTF-8", "-l", "LC_PAPER=C"], ["LANG=C.UTF-8", "LC_PAPER=C"]),
        ({"LANG": "C"}, ["-l", "LANG=nowhere.UTF-8"], ["LANG=nowhere.UTF-8", "LC_CTYPE=C.UTF-8"]),
        ({"LANG": ""}, [], ["LANG=", "LC_CTYPE=C.UTF-8"]),
        ({"LANG": "C.UTF-8"}, ["-l", "LANG=de_DE.UTF-8"], ["LANG=C.UTF-8"]),
    ]:
        text, _ = facts(moshes, "env", options, env)
        assert sorted(x for x in text.splitlines() if x.startswith(("LANG", "LC_"))) == sorted(want)


def test_login_shell(moshes):
    """$SHELL as a login shell in the home folder, after the message of the day unless it is hushed."""
    motd = open("/etc/motd").read().split("\n") if os.path.exists("/etc/motd") else []
    line = next((x for x in motd if x.strip()), None)
    for hush in False, True:
        if hush:
            open(os.path.join(moshes.box.home, ".hushlogin"), "w").close()
        text, w = facts(moshes, "echo $0; pwd", command=False)
        assert text.splitlines() == ["-bash", moshes.box.home]
        if line:
            assert (line.strip() in w.text()) != hush


def test_timeouts_that_are_none(moshes):
    p = moshes.run_server("ours", "new", "-p", "61000:61999", env={"MOSH_SERVER_NETWORK_TMOUT": "soon",
                                                                 "MOSH_SERVER_SIGNAL_TMOUT": "-1"})
    end(p)
    moshes.adopt("ours", p)
    assert "MOSH_SERVER_NETWORK_TMOUT is not a valid integer, ignoring\n" in p.stderr
    assert "MOSH_SERVER_SIGNAL_TMOUT is negative, ignoring\n" in p.stderr


def test_nobody_comes(moshes, soak):
    """Told to leave before anybody came, it leaves at once; by itself after a minute (soak)."""
    s = moshes.server("ours")
    os.kill(s.pid, signal.SIGTERM)
    assert s.wait_end(3) == 0
    if soak:
        err = open(moshes.box.file("err"), "w+")
        p = subprocess.Popen([moshes.path("ours", "mosh-server"), "new", "-v", "-p", "61000:61999"], stderr=err,
                             env=moshes.box.env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        p.wait()
        wait_until(lambda: not procs.named("mosh-server"), 70, "the end")
        err.seek(0)
        assert "No connection within 60 seconds." in err.read()


def test_program_that_cannot_be_run(moshes):
    s = moshes.server("ours", "no-such-program-here")
    w = moshes.start("ours", s, prompt=None)
    assert w.finish() == 0
    s.wait_end()


def test_as_a_word_of_tern_server(moshes):
    """`mosh --server=tern-server` works without a link of that name."""
    p = moshes.box.run("tern-server", "new", "-c", "256", "-p", "61000:61999", "--", "inner")
    s = moshes.adopt("ours", p)
    w = moshes.start("ours", s)
    w.line("exit")
    assert w.finish() == 0
