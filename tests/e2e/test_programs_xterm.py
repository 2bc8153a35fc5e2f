"""What tmux cannot judge is judged by a real xterm: margins, DEC rectangles, protected cells, character sets; and the
bytes that reach the user's terminal."""
import os
import shutil

import pytest

from lib import xwindow
from lib.xwindow import XWindow, judge
from test_programs import WIDE
from test_screens import put


@pytest.fixture(scope="module")
def xterm():
    missing = judge.why_not()
    if missing:
        pytest.skip(missing)
    x = judge.Xterm()
    yield x
    x.close()


def both_ways(xterm, box, script, steps, words, leave, cols=80, rows=24):
    """Runs the script directly and through tern, one after the other; after each step the pictures must be
    equal. Returns the window of the second."""
    box.script("job", f"cd {box.home}; {script}")
    env = {**box.env, "COLORTERM": "truecolor"}
    wanted = []
    for argv in (["job"], ["tern", "--local", "--", "job"]):
        w = XWindow(xterm, [shutil.which(argv[0], path=env["PATH"]), *argv[1:]], cols, rows, env)
        w.wait_for(words)
        for i, step in enumerate([None, *steps]):
            if step is not None:
                w.type(step)
            if argv[0] == "job":
                wanted.append(w.picture())
                continue
            last = []

            def same():
                last[:] = [xwindow.difference(wanted[i], w.picture())]
                return not last[0]

            try:
                w.wait(lambda s: same(), f"step {i}: the picture of a direct run")
            except AssertionError as e:
                raise AssertionError(f"{e}\n{last[0]}") from None
        w.type(leave)
        w.end()
    return w


def show(text):
    """A script that prints text and waits for a line."""
    return f"stty raw -echo; printf '{text}'; head -c 1 >/dev/null"


@pytest.mark.needs("vim")
def test_vim(xterm, box):
    put(box, "text", "".join("word%d " % i for i in range(300)) + "\n" + WIDE)
    put(box, ".vimrc", "set nocompatible wrap ruler display=lastline noswapfile viminfo= background=dark t_RV= t_u7=\n")
    both_ways(xterm, box, "exec vim -u .vimrc text", ["v$hh", "\x1bG", "kkkV", "\x1b:vsplit\r"], "word50", "\x1b:qa!\r",
              60, 16)


@pytest.mark.needs("mc")
def test_mc(xterm, box):
    put(box, "file.c", "int main(void)\n{\n\treturn 'ä'; /* 漢字 */\n}\n")
    both_ways(xterm, box, "exec mcedit -u file.c", ["x", "\x1bOR", "\x1bOB\x1bOB", "\x1b[21~"], "main", "n", 70, 20)


def test_recorded_htop(xterm, box):
    record = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "htop.typescript")
    both_ways(xterm, box, f"stty raw -echo; cat {record}; head -c 1 >/dev/null", [], "Swp", "\n")
