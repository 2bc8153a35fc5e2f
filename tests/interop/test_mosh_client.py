"""tern under the name mosh-client: the stock command line, words and statuses, side by side with stock."""
import os
import re
import socket
import subprocess

import pytest

from lib.wait import wait_until
from moshes import PROMPT

KEY = "AAAAAAAAAAAAAAAAAAAAAA"

LINES = [
    ([], {}),
    (["-h"], {}),
    (["--version"], {}),
    (["-c"], {"TERM": "xterm-256color"}),
    (["-c"], {"TERM": "vt100"}),
    (["-c"], {"TERM": "xterm"}),
    (["-c"], {"TERM": "no-such-terminal"}),
    (["127.0.0.1"], {}),
    (["127.0.0.1", "60001"], {}),
    (["127.0.0.1", "6x"], {"MOSH_KEY": KEY}),
    (["-z", "127.0.0.1", "60001"], {"MOSH_KEY": KEY}),
    (["127.0.0.1", "60001"], {"MOSH_KEY": KEY, "MOSH_PREDICTION_DISPLAY": "maybe"}),
    (["127.0.0.1", "60001"], {"MOSH_KEY": KEY}),
    (["-#", "mosh host |", "-v", "127.0.0.1", "60001"], {"MOSH_KEY": KEY}),
    (["a", "b", "c"], {}),
]


def first_words(text):
    """The program's name and what is its own wording are left out."""
    line = text.split("\n")[0]
    return line.split(" [build")[0] if "mosh 1.4.0" in line or line.endswith(".") else ""


@pytest.mark.parametrize("args,env", LINES, ids=[" ".join([*a, *e.values()]) or "none" for a, e in LINES])
def test_lines(moshes, args, env):
    def run(kind):
        return subprocess.run([moshes.path(kind, "mosh-client"), *args], env={**moshes.box.env, "TERM": "xterm", **env},
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=10)
    ours, stock = run("ours"), run("stock")
    assert ours.returncode == stock.returncode
    if args == ["-c"]:
        assert (ours.stdout, ours.stderr) == (stock.stdout, stock.stderr)
    assert first_words(ours.stdout) == first_words(stock.stdout)
    if first_words(stock.stderr):
        assert first_words(ours.stderr) == first_words(stock.stderr)
    assert bool(ours.stderr) == bool(stock.stderr)


def test_key_leaves_the_environment(moshes):
    s = moshes.server("ours")
    w = moshes.start("ours", s)
    w.line("echo $PPID")
    pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and comm(p) == "mosh-client" and mine(p, w.pid()))
    with open(f"/proc/{pid}/environ", "rb") as f:
        assert s.key.encode() not in f.read()
    w.keys("C-^", ".")
    assert w.finish() == 0


def comm(pid):
    try:
        return open(f"/proc/{pid}/comm").read().strip()
    except OSError:
        return ""


def mine(pid, ancestor):
    while int(pid) > 1:
        if int(pid) == ancestor:
            return True
        with open(f"/proc/{pid}/stat") as f:
            pid = f.read().rsplit(")", 1)[1].split()[1]
    return False


class Nobody:
    """A UDP port at which nobody answers."""
    kind, key, address = "none", KEY, "127.0.0.1"

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]


def test_no_server(moshes):
    """Both clients at the same time: the bar, giving up after 15 s and some, what is said, status 1."""
    nobody = Nobody()
    ways = {kind: moshes.start(kind, nobody, prompt=None) for kind in ("ours", "stock")}
    for w in ways.values():
        w.wait_for(f"mosh: Nothing received from server on UDP port {nobody.port}. [To quit: Ctrl-^ .]", 3)
    for w in ways.values():
        w.wait(lambda w=w: re.search(rf"server on UDP port {nobody.port}\. \(([7-9]|1[0-4]) s without contact\.\) \[T",
                                     w.text()), 14, "seconds in the bar")
    for w in ways.values():
        w.wait_for("mosh: Timed out waiting for server... (1", 12)
    for w in ways.values():
        assert w.finish() == 1
    lines = {kind: [r for r in w.rows() if r and not r.startswith("outer$")] for kind, w in ways.items()}
    assert lines["ours"] == lines["stock"]
    assert f"mosh did not make a successful connection to 127.0.0.1:{nobody.port}." in lines["ours"]


@pytest.mark.parametrize("client", ["ours", "stock"])
def test_server_dies(moshes, client):
    """Leaving then is unclean, and said so."""
    s = moshes.server("stock" if client == "ours" else "ours")
    w = moshes.start(client, s)
    os.kill(s.pid, 9)
    s.wait_end()
    w.keys("C-^", ".")
    assert w.finish() == 1
    assert "mosh did not shut down cleanly. Please note that the" in w.text()
    assert "[mosh is exiting.]" in w.text()


def test_client_is_told_to_leave(moshes):
    s = moshes.server("stock")
    w = moshes.start("ours", s)
    pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and comm(p) == "mosh-client" and mine(p, w.pid()))
    os.kill(pid, 15)
    assert w.finish() == 0
    s.wait_end()


@pytest.mark.parametrize("key,command,typed", [("~", "Enter", "~."), ("a", "Enter", "a."), ("\x02", "", "C-b .")])
def test_escape_key(moshes, key, command, typed):
    s = moshes.server("stock")
    w = moshes.start("ours", s, env={"MOSH_ESCAPE_KEY": key})
    w.keys("C-^", ".")  # nothing special now
    w.type("echo a")
    w.wait_for("echo a")
    if command:
        w.keys(command)
        w.wait(lambda: w.text().count(PROMPT) >= 2)
    if " " in typed:
        w.keys(*typed.split())
    else:
        w.type(typed)
    assert w.finish() == 0


def test_titles_and_screen(moshes):
    """Without the prefix, and without the alternate screen."""
    s = moshes.server("stock")
    w = moshes.start("ours", s, env={"MOSH_TITLE_NOPREFIX": "", "MOSH_NO_TERM_INIT": ""})
    assert w.modes()["alternate_on"] == "0"
    w.line("printf '\\033]0;plain\\a'")
    wait_until(lambda: w.title() == "plain", 10, "the title", w.title)
    w.line("exit")
    assert w.finish() == 0
    rows = w.rows()
    assert rows.index("[mosh is exiting.]") > rows.index("exit")  # below what the session showed


def test_host_name(moshes):
    """Stock takes numbers only."""
    s = moshes.server("stock")
    moshes.box.script("by-name", f"MOSH_KEY={s.key} exec {moshes.path('ours', 'mosh-client')} localhost {s.port}")
    w = moshes.box.tmux.shell()
    w.start("by-name")
    w.wait(lambda: PROMPT in w.rows() or "made" in w.text(), 10)
    w.line("exit")
    assert w.finish() in (0, 1)
