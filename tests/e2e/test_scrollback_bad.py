"""While lines flow into the scrollback: a terminal that answers late, wrongly or twice, or that does not read; sizes that
change all the time. Nothing is typed into the program that nobody typed, and memory is bounded."""
import os
import re
import time

import pytest

from lib import procs
from lib.wait import wait_until

READY = "inner$"

# Prints lines all the time, and writes what its terminal gives it to a file, up to a "Q".
RECORD = """import os, select, sys, termios, tty
tty.setraw(0, termios.TCSANOW)
os.write(1, b"RECORDING\\r\\n")
os.read(0, 1)
got, n = b"", 0
while not got.endswith(b"Q"):
    if select.select([0], [], [], 0.01)[0]:
        got += os.read(0, 4096)
    os.write(1, b"".join(b"line %d\\r\\n" % i for i in range(n, n + 20)))
    n += 20
open(sys.argv[1], "wb").write(got)
"""


def session(terms, *words, **more):
    t = terms(["tern", "--local", *words, "--", "inner"], **more)
    t.wait_for(READY)
    return t


def leave(t):
    t.type("\r~.")
    t.wait_end()


def memory(pid):
    """KiB of its own."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])


# What one update is, and how many bytes it may take the terminal: what it says and little more.
# A line that scrolls out comes with the screen's update (68 bytes), or behind it where the client is quick (191).
UPDATES = {"in place": (r'printf "\r%d" $((1000 + i))', 12), "a line": (r'printf "%050d\n" $i', 220),
           "ten lines": ('for k in 0 1 2 3 4 5 6 7 8 9; do echo "line $i $k"; done', 500)}


@pytest.mark.parametrize("what", UPDATES)
def test_the_price_of_an_update(box, terms, what):
    """In the middle of a few, with a full screen and lines in the scrollback."""
    text, most = UPDATES[what]
    box.script("updates", f"stty -echo; seq 1 40; i=0; while read x; do i=$((i + 1)); {text}; done")
    t = terms(["tern", "--local", "--predict=never", "--", "updates"])
    t.wait_for("40")
    took = []
    for _ in range(5):
        t.settled(0.15)
        t.cut()
        t.type("\r")
        wait_until(lambda: t.new(), 10, "an update")
        t.settled(0.15)
        took.append(len(t.new()))
    assert sorted(took)[2] <= most, (took, t.new())
    leave(t)


ASKS = b"\x1b[6n"


@pytest.mark.parametrize("how", ["late", "another place", "nonsense", "twice", "silent"])
def test_where_the_cursor_is_reaches_no_program(box, terms, how):
    """The view asks where the cursor is while lines flow. The program gets what was typed, in that order."""
    box.script("record", RECORD, "/usr/bin/python3")
    t = terms(["tern", "--local", "--", "record", f"{box.home}/got"])
    t.wait_for("RECORDING")
    t.wait_for("\x1b[?2031h")  # what the terminal is, is known
    t.delay = 0.7 if how == "late" else 0.0
    answer = {"late": b"\x1b[24;80R", "another place": b"\x1b[17;9R", "nonsense": b"\x1b[99999;70000R",
              "twice": 2 * b"\x1b[24;80R", "silent": b""}[how]
    t.answers = {**t.answers, ASKS: answer}
    t.type("G")
    t.cut()
    typed = b""
    for i, (cols, rows) in enumerate([(80, 24), (80, 40), (60, 40), (100, 12), (80, 24), (80, 24)]):
        t.resize(cols, rows)
        for piece in (b"%d" % i, b"\x1b[A", b"\xc3\xa4"):
            t.type(piece)
            typed += piece
            time.sleep(0.08)
    assert t.new().count(ASKS) >= (1 if how == "silent" else 2), "it was not asked"
    t.answers = {}
    wait_until(lambda: not t.owes(), 15, "the last answers")
    t.type("Q")
    path = f"{box.home}/got"
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path), 15, "what it got")
    with open(path, "rb") as f:
        assert f.read() == typed + b"Q"
    assert t.wait_end() == 0


@pytest.mark.parametrize("lines", ["default", "all"])
def test_lines_without_end_and_nobody_reads_them(box, terms, lines):
    """The terminal stands still (Ctrl-S, a window manager): neither end piles lines up for it. (All lines are kept on the
    server, as far as its own bound goes.)"""
    t = session(terms, *(["--history-lines=all"] if lines == "all" else []))
    before = {p: memory(p) for p in box.servers() | box.clients()}
    t.cut()
    mark = f"{box.home}/interrupted"
    t.type(f"sh -c 'trap \"touch {mark}\" INT; seq 1 100000000; :'\r")
    t.wait_for("2000")
    t.reads.clear()
    time.sleep(3)
    grown = {procs.name(p): memory(p) - kib for p, kib in before.items()}
    t.type("\x03")
    wait_until(lambda: os.path.exists(mark), 15, "Ctrl-C, while the terminal stands still")
    t.reads.set()
    t.type("echo a''fter\r")
    t.wait_for("after", 30)
    assert max(grown.values()) < 24 * 1024, grown
    assert grown["tern"] < 8 * 1024, grown
    leave(t)


def test_a_storm_of_sizes_while_lines_flow(box, terms):
    t = session(terms)
    before = {p: memory(p) for p in box.servers() | box.clients()}
    mark = f"{box.home}/printed"
    t.type(f"seq 1 200000; touch {mark}\r")
    for i in range(400):
        t.resize(40 + i * 7 % 90, 2 + i * 11 % 60)
        time.sleep(0.002)
    t.resize(77, 22)
    wait_until(lambda: os.path.exists(mark), 30, "the end of the lines")
    t.type("\x15until [ \"$(stty size)\" = '22 77' ]; do sleep 0.1; done; echo si''zed\r")
    t.wait_for("sized", 40)
    t.settled(0.5)
    grown = {procs.name(p): memory(p) - kib for p, kib in before.items()}
    assert max(grown.values()) < 24 * 1024, grown
    leave(t)


def test_a_terminal_whose_other_half_is_a_pipe(box, terms):
    """tern | cat: a session is refused in one line; a command's output is what it wrote. Nothing is asked or changed."""
    box.script("outer", "tern --local | cat; echo st''atus ${PIPESTATUS[0]}; tern --local -- echo one two | cat -A; "
               "echo st''atus ${PIPESTATUS[0]}", "/bin/bash")
    t = terms(["outer"])
    t.wait_for("status 0")
    assert [line for line in t.bytes.decode().split("\r\n") if line] == [
        "tern: stdout is not a terminal; run tern in a terminal", "status 1", "one two$", "status 0"]
    t.wait_end()
