"""Plays a SEED.xterm of TERN_RECORD (test_scrollback_random.py) again in a real xterm: what it held after each write.

    python3 tests/e2e/lib/xtermlog.py FOLDER/7.xterm '<42>' '=42;'     says when these texts come and go

The size changes where xterm was seen to have it: it may have had it a few writes before."""
import ast
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import xwindow  # noqa: E402

LINE = re.compile(r"([\d.]+) (to xterm|from xterm|xterm has|size) (.*)")
QUESTION = re.compile(rb"\x1b\[6n|\x1b\[c|\x1b\[>q|\x1b\[8;\d+;\d+t|\x1b\[18t")  # the player is not to be answered


def events(path):
    with open(path) as f:
        for line in f:
            m = LINE.fullmatch(line.rstrip("\n"))
            if m:
                yield m[1], m[2], ast.literal_eval(m[3])


def held(xterm, cols, rows):
    """Its scrollback and its screen, as rows of text."""
    s = xwindow.judge.Screen(xterm, cols, rows, b"")
    return [r.rstrip() for r in s.history], [r.rstrip() for r in s.rows], s.cursor


def play(path, texts):
    cols, rows, there = 80, 24, set()
    with xwindow.judge.Xterm({"saveLines": "300000"}) as x:
        x.reset(cols, rows)
        for when, what, data in events(path):
            print(when, what, data)
            if what == "to xterm":
                x.send(QUESTION.sub(b"", data))
            elif what == "xterm has":
                cols, rows = data
                x.resize(cols, rows)
            else:
                continue
            above, screen, cursor = held(x, cols, rows)
            print(f"    {len(above)} lines, the last {[r[:12] for r in above[-3:]]}; then {[r[:12] for r in screen]}; cursor {cursor}")
            now = {t for t in texts if t in "".join(above + screen)}
            for t in sorted(now ^ there):
                print(f"    {t} {'is there' if t in now else 'IS GONE'}")
            there = now


if __name__ == "__main__":
    play(sys.argv[1], sys.argv[2:])
