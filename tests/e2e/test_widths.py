"""Widths, as the user sees them: behind every sequence of Unicode's emoji-test.txt and every ambiguous or zero-width
code point a mark is printed; through tern it stands where wcwidth says in the picture of a real xterm and of tmux, whatever
these think of the width themselves. (The engine alone: tests/unit/term/test_width.c.)

A program prints pages of slots: `seq`, then X. The expected picture is what a direct run cannot give, for terminals
dispute these widths: dots are then written over the columns that wcwidth gives to seq, on the terminal itself; if X stands
right behind them, nothing else is left."""
import ctypes
import locale
import os
import re
import shutil
import unicodedata

import pytest

from lib import procs
from lib.xwindow import XWindow, judge

UNICODE = "/usr/share/unicode"
COLS, ROWS, SLOT = 144, 48, 18
LINE = ROWS - 1  # the last row says when a page is complete


def emoji():
    """Every sequence of emoji-test.txt, of any status."""
    with open(f"{UNICODE}/emoji/emoji-test.txt", encoding="utf-8") as f:
        for line in f:
            m = re.match(r"([0-9A-F ]+);", line)
            if m:
                yield "".join(chr(int(h, 16)) for h in m.group(1).split())


def east_asian_width():
    """[(first, last, letter)] of Unicode's list."""
    with open(f"{UNICODE}/EastAsianWidth.txt", encoding="utf-8") as f:
        for line in f:
            m = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*(\w+)", line)
            if m:
                yield int(m.group(1), 16), int(m.group(2) or m.group(1), 16), m.group(3)


def ambiguous():
    for first, last, letter in east_asian_width():
        if letter == "A":
            for cp in range(first, last + 1):
                if unicodedata.category(chr(cp)) not in ("Co", "Mn", "Cf"):
                    yield chr(cp)


def zero_width():
    """On a letter: marks, format characters, Hangul vowels and finals."""
    for cp in range(0x300, 0xe01f0):
        c = chr(cp)
        if unicodedata.category(c) in ("Mn", "Me", "Cf") or 0x1160 <= cp <= 0x11ff:
            yield "a" + c


def wcwidth():
    """The C library's, in a UTF-8 locale; Unicode's list for what is newer than that (Debian 12's glibc knows
    Unicode 14, emoji-test.txt has 15)."""
    lib = ctypes.CDLL(None)
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    wide = {cp for first, last, letter in east_asian_width() if letter in "WF" for cp in range(first, last + 1)}

    def of(char):
        n = lib.wcwidth(ctypes.c_uint(ord(char)))
        return n if n >= 0 else 2 if ord(char) in wide else 0

    return lambda text: sum(of(c) for c in text)


def pages(sequences):
    """Pages of [(row, column, sequence)]."""
    page, slots = [], COLS // SLOT
    for i, seq in enumerate(sequences):
        n = i % (slots * LINE)
        if n == 0 and i:
            yield page
            page = []
        page.append((n // slots, n % slots * SLOT, seq))
    yield page


def program(box, all_pages):
    """Prints page n, with a word in the last row, and waits for a key before the next."""
    for n, page in enumerate(all_pages):
        with open(f"{box.home}/page{n}", "w", encoding="utf-8") as f:
            f.write("\x1b[m\x1b[2J" + "".join(f"\x1b[{r + 1};{c + 1}H{seq}X" for r, c, seq in page))
            f.write(f"\x1b[{ROWS};1Hpage {n} stands")
    box.script("job", f"stty raw -echo; cd {box.home}; n=0\n"
                      "while [ -e page$n ]; do cat page$n; head -c 1 >/dev/null; n=$((n + 1)); done")


def dots(page, width):
    """What is written over a page, and the rows that must be left."""
    over = b"".join(b"\x1b[%d;%dH%s" % (r + 1, c + 1, b"." * width(seq)) for r, c, seq in page)
    rows = [[" "] * COLS for _ in range(LINE)]
    for r, c, seq in page:
        n = width(seq)
        rows[r][c:c + n + 1] = "." * n + "X"
    return b"\x1b[m" + over, ["".join(r).rstrip() for r in rows]


def compare(got, wanted, page):
    """Sequences whose mark is elsewhere."""
    bad = []
    for r, c, seq in page:
        a, b = got[r].ljust(COLS)[c:c + SLOT], wanted[r].ljust(COLS)[c:c + SLOT]
        if a != b:
            bad.append(f"{' '.join('%04X' % ord(x) for x in seq)}: {a.rstrip()!r}, not {b.rstrip()!r}")
    return bad


@pytest.fixture(scope="module")
def walk():
    if not os.path.exists(f"{UNICODE}/emoji/emoji-test.txt"):
        pytest.skip("Debian's unicode-data is not installed")
    sequences = [*emoji(), *ambiguous(), *zero_width()]
    assert len(sequences) > 6000
    width = wcwidth()
    # a sequence that is wider than a slot would be a mistake of this test
    assert max(width(s) for s in sequences) < SLOT - 1
    return list(pages(sequences)), width


def in_xterm(xterm, box, all_pages, width):
    program(box, all_pages)
    w = XWindow(xterm, [shutil.which("tern", path=box.env["PATH"]), "--local", "--", "job"], COLS, ROWS, box.env)
    bad = []
    for n, page in enumerate(all_pages):
        w.wait_for(f"page {n} stands")
        over, wanted = dots(page, width)
        xterm.send(b"\x1b7" + over + b"\x1b8")
        bad += compare(judge.Screen(xterm, COLS, ROWS, b"").rows, wanted, page)
        w.type("n")
    w.end()
    assert not bad, f"{len(bad)} of {sum(map(len, all_pages))}:\n" + "\n".join(bad[:40])


def test_in_xterm(xterm, box, walk):
    in_xterm(xterm, box, *walk)


def test_ambiguous_is_two_in_a_wide_xterm(box, walk):
    """An xterm that draws ambiguous characters two columns wide: tern measures that, and the far engine follows."""
    missing = judge.why_not()
    if missing:
        pytest.skip(missing)
    wide = list(ambiguous())
    latin1 = [c for c in wide if c < "\u0100"]  # one column everywhere: wcwidth of every locale
    narrow = walk[1]
    # The first page is blank: the answer of the terminal is on its way.
    all_pages = [[], *pages([c for c in wide if c not in latin1])]
    with judge.Xterm(resources={"cjkWidth": "true"}) as xterm:
        xterm.paper_copy(b"\x1b[i")
        box.before |= procs.descendants()
        in_xterm(xterm, box, all_pages, lambda text: 2 if text in wide else narrow(text))


@pytest.mark.needs("tmux")
def test_in_tmux(box, walk):
    all_pages, width = walk
    program(box, all_pages)
    w = box.tmux.window(["tern", "--local", "--", "job"], COLS, ROWS)
    bad = []
    for n, page in enumerate(all_pages):
        w.wait_for(f"page {n} stands")
        over, wanted = dots(page, width)
        with open(w.tty(), "wb") as tty:
            tty.write(b"\x1b7" + over + b"\x1b[%d;60Hdots\x1b8" % ROWS)
        w.wait_for("dots")
        bad += compare(w.rows(), wanted, page)
        w.type("n")
    w.wait(w.dead, what="the program's end")
    assert not bad, f"{len(bad)} of {sum(map(len, all_pages))}:\n" + "\n".join(bad[:40])
