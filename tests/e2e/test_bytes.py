"""What neither tmux nor this xterm can show: synchronised output (mode 2026) and grapheme clusters (mode 2027). Told by
the bytes that reach a terminal played on a pty (lib/ptyterm.py)."""
import os
import re
import time

import pytest

from lib.ptyterm import KITTY, PtyTerm
from lib.wait import SCALE, wait_until

# What programs of these tests begin with: step() says how far it is and waits until it may go on, ask() asks the terminal.
HEAD = r"""import os, re, sys, time, tty
tty.setraw(0)
def say(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data):]
def tell(name, text=""):
    with open(name + ".new", "w", newline="") as f:
        f.write(text)
    os.rename(name + ".new", name)
def step(name):
    tell(name)
    while not os.path.exists("after-" + name):
        time.sleep(0.01)
def ask(questions):
    say(questions + "\x1b[c")
    got = b""
    while not re.search(rb"\x1b\[\?[0-9;]*c", got):
        got += os.read(0, 4096)
    return re.sub(rb"\x1b\[\?[0-9;]*c.*", b"", got, flags=re.S).decode()
def mark(name):
    say("\x1b]9;%s\x1b\\" % name)
os.chdir(os.environ["HOME"])
step("start")
"""


class Played:
    """A program in a session, on a terminal that gives these answers."""

    def __init__(self, box, text, answers):
        self.box = box
        box.script("job", HEAD + text, "/usr/bin/python3")
        self.t = PtyTerm(["tern", "--local", "--", "job"], box.env, answers)
        box.on_close(self.t.close)
        self.t.wait_for("\x1b[?2031h")  # its answers are known
        self.go_on("start")

    def told(self, name):
        path = os.path.join(self.box.home, name)
        wait_until(lambda: os.path.exists(path), 15, f"the file {name}", lambda: repr(self.t.new()[-1000:]))
        with open(path, encoding="utf-8", newline="") as f:
            return f.read()

    def go_on(self, name):
        """The program is, or will be, there; it may go on."""
        open(os.path.join(self.box.home, f"after-{name}"), "w").close()

    def mark(self, name):
        """What the program wrote before that mark is at its server, and could have been shown."""
        self.t.wait_for(f"\x1b]9;{name}\x1b\\")

    def cut(self):
        """Between two writes, not within one."""
        def quiet():
            n = len(self.t.bytes)
            time.sleep(0.05)
            return len(self.t.bytes) == n
        wait_until(quiet, 15, "a pause")
        self.t.cut()

    def shown(self):
        """What came since the last cut, without the marks, which are no part of a picture."""
        return re.sub(rb"\x1b\]9;\w+\x1b\\", b"", self.t.new())

    def end(self):
        assert self.t.wait_end() == 0
        return self.shown()


def characters(out):
    """Without control sequences."""
    return re.sub(rb"\x1b(\[[^@-~]*[@-~]|\][^\a\x1b]*(\a|\x1b\\)|[ -/]*[0-~])", b"", out).decode()


def changes_the_picture(out):
    """Characters are drawn, erased or moved; more than the cursor or a mode."""
    return characters(out) or re.search(rb"\x1b\[[0-9;]*[JKXPLM@ST]", out)


# ---- 2026

OLD = [b"0123456789", b"9876543210"]
NEW = [b"ABCDEFGHIJKL", b"MNOPQRSTUVWX"]

# Half a picture, then nothing until it may go on, then the rest. If that took nearly as long as a program is obeyed, this
# machine is too busy, and all is done again.
HALVES = r"""
for n in range(5):
    say("\x1b[2J\x1b[3;1H0123456789\x1b[9;1H9876543210")
    mark("old%d" % n)
    step("begin%d" % n)
    began = time.monotonic()
    say("\x1b[?2026h" + FIRST)
    mark("half%d" % n)
    step("half%d" % n)
    say("\x1b[18;30HMNOPQRSTUVWX\x1b[?2026l")
    held = time.monotonic() - began
    tell("held%d" % n, "%f" % held)
    if held < 0.8:
        break
    step("again%d" % n)
mark("whole")
step("end")
"""
ERASE = r'FIRST = "\x1b[H\x1b[2J\x1b[4;1HABCDEFGHIJKL"'
# Lines that leave the screen, and so go to the terminal's scrollback.
SCROLL = r'FIRST = "\x1b[H\x1b[2JABCDEFGHIJKL\r\n" + "".join("(line %d)\r\n" % i for i in range(60))'


def begin_round(p, n):
    p.mark(f"old{n}")
    for old in OLD:
        p.t.wait_for(old)
    p.cut()
    p.go_on(f"begin{n}")


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("first", [ERASE, SCROLL], ids=["erase", "scroll"])
def test_no_half_picture_is_shown(box, first, known):
    p = Played(box, first + HALVES, {**KITTY, b"\x1b[?2026$p": b"\x1b[?2026;%d$y" % (2 if known else 0)})
    for n in range(5):
        begin_round(p, n)
        p.mark(f"half{n}")
        end = time.monotonic() + 0.3
        while not changes_the_picture(p.shown()) and time.monotonic() < end:
            time.sleep(0.02)
        early = p.shown()
        p.go_on(f"half{n}")
        if float(p.told(f"held{n}")) < 0.8:
            break
        for half in NEW:
            p.t.wait_for(half)
        p.go_on(f"again{n}")
    else:
        pytest.fail("this machine is too busy")
    # Neither was anything drawn nor the old picture erased.
    assert not changes_the_picture(early)
    for half in NEW:
        p.t.wait_for(half)
    p.mark("whole")
    p.go_on("end")
    out = p.end()
    assert out.count(NEW[0]) == 1
    # Lines are fed by screenfuls, with the picture behind each.
    assert out.count(NEW[1]) == 1 if first == ERASE else 1 <= out.count(NEW[1]) <= 4
    for i in range(60 if first == SCROLL else 0):
        assert 1 <= out.count(b"(line %d)" % i) <= (4 if i > 36 else 1)
    inside = re.findall(rb"\x1b\[\?2026h(.*?)\x1b\[\?2026l", out, re.S)
    if not known:
        assert b"?2026" not in out
    elif first == ERASE:
        assert [all(half in f for half in NEW) for f in inside if NEW[0] in f] == [True]
    else:
        assert not any(half in re.sub(rb"\x1b\[\?2026h.*?\x1b\[\?2026l", b"", out, flags=re.S) for half in NEW)


ENDLESS = r"""
say("\x1b[2J\x1b[3;1H0123456789\x1b[9;1H9876543210")
mark("old0")
step("begin0")
tell("held", "%f" % time.monotonic())
say("\x1b[?2026h\x1b[H\x1b[2J\x1b[4;1HABCDEFGHIJKL")
mark("half")
say("\x1b[18;1HMNOPQRSTUVWX")
step("half")
tell("mode", ask("\x1b[?2026$p"))
say("\x1b[20;1Hnothing is lost\x1b[?2026l")
step("end")
"""


def test_an_update_without_an_end(box):
    p = Played(box, ENDLESS, KITTY)
    begin_round(p, 0)
    p.mark("half")
    for half in NEW:
        p.t.wait_for(half)
    seconds = time.monotonic() - float(p.told("held"))
    out = p.shown()
    assert 0.9 < seconds < 2.5 * SCALE
    assert [out.count(half) for half in NEW] == [1, 1]
    p.go_on("half")
    p.t.wait_for("nothing is lost")  # what is printed then is shown at once
    assert p.told("mode") == "\x1b[?2026;2$y"
    p.go_on("end")
    p.end()


# ---- 2027

MAN, WOMAN, GIRL, ZWJ = "\U0001f468", "\U0001f469", "\U0001f467", "\u200d"
FAMILY = ZWJ.join((MAN, WOMAN, GIRL))

CLUSTERS = r"""
tell("before", ask("\x1b[?2027$p"))
say("\x1b[2J\x1b[5;1H\x1b[?2027h\U0001f468\u200d\U0001f469\u200d\U0001f467|")
tell("cursor", ask("\x1b[6n"))
tell("mode", ask("\x1b[?2027$p"))
say("\x1b[9;1Hready")
step("end")
"""


def clustering(decrqm, zwj):
    """A terminal that says this of mode 2027, and draws a woman at a computer that wide."""
    return {**KITTY, b"\x1b[?2027$p": b"\x1b[?2027;%d$y" % decrqm,
            "…\x1b[6n".encode(): b"\x1b[1;2R",
            "\u2601\ufe0f\x1b[6n".encode(): b"\x1b[1;3R",
            "\U0001f469\u200d\U0001f4bb\x1b[6n".encode(): b"\x1b[1;%dR" % (zwj + 1)}


# 2: by the mode; 3 and 0: always
@pytest.mark.parametrize("decrqm", [2, 3, 0])
def test_a_cluster_is_one_character(box, decrqm):
    p = Played(box, CLUSTERS, clustering(decrqm, 2))
    p.t.wait_for("ready")
    assert p.told("before") == "\x1b[?2027;2$y"
    assert p.told("cursor") == "\x1b[5;4R"
    assert p.told("mode") == "\x1b[?2027;1$y"
    p.go_on("end")
    out = p.end()
    assert out.count(FAMILY.encode()) == 1
    assert characters(out).count(FAMILY + "|") == 1
    on, off = (out.count(b"\x1b[?2027" + c) for c in (b"h", b"l"))
    assert (on, off) == ((1, 1) if decrqm == 2 else (0, 0))
    if on:
        assert out.index(b"\x1b[?2027h") < out.index(FAMILY.encode()) < out.index(b"\x1b[?2027l")


def test_a_terminal_without_clusters(box):
    p = Played(box, CLUSTERS, clustering(0, 4))
    p.t.wait_for("ready")
    assert p.told("before") == p.told("mode") == "\x1b[?2027;0$y"
    assert p.told("cursor") == "\x1b[5;8R"  # 2 + 2 + 2 + 1, as wcwidth counts
    p.go_on("end")
    out = p.end()
    assert b"\x1b[?2027h" not in out and b"\x1b[?2027l" not in out
    assert re.search(f"{MAN}{ZWJ}?{WOMAN}{ZWJ}?{GIRL}\\|", characters(out))
