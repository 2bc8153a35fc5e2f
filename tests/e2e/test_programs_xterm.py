"""What tmux cannot judge is judged by a real xterm: margins, DEC rectangles, protected cells, character sets; and the
bytes that reach the user's terminal."""
import os
import re
import shutil

import pytest

from lib import xwindow
from lib.xwindow import XWindow
from test_programs import WIDE
from test_screens import put


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


def test_margins_and_rectangles(xterm, box):
    text = (r"\033[H" + "".join(rf"\033[{r}HThis is row {r} with some words to move about" for r in range(1, 13)) +
            r"\033[?69h\033[10;30s\033[3;9r\033[3;10H\033[2L\033[5;12H\033[3@\033[44m\033[6;12H\033[2P\033[7;30Hx\033[9;10H\n\n"
            r"\033[m\033[?69l\033[r\033[2;2;6;20;1;8;40;1$v\033[35;14;3;18;22$x\033[15;5;17;9$z"
            r"\033[1;5;4;30;1;7$r\033[1;1;2;60;4$t\033[20H\033[1\042qkept\033[0\042qgone\r\033[?K"
            r"\033[21H\033(0lqqk\033(B\033)0\016x\017\033[22Habc\033[2b\033[3 @\033[24Hready")
    both_ways(xterm, box, show(text), [], "ready", "\n")


def test_attributes(xterm, box):
    text = "".join(rf"\033[{n}m {n} \033[m" for n in (1, 2, 3, 4, 5, 7, 9, 21, 31, 42, 93, 104)) + \
        r"\r\n\033[38;5;208;48;2;10;20;30m colours \033[7m inverse \033[m\033[1;31;44m\033[K\r\n\033[?5hready"
    both_ways(xterm, box, show(text), [], "ready", "\n")


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


def test_links_by_their_bytes(xterm, box):
    """Neither this xterm nor tmux 3.3 shows hyperlinks: the bytes that reach the terminal tell."""
    url = "https://example.org/a?b=c"
    text = rf"\033]8;;{url}\033\\linked\033]8;;\033\\ plain ready"
    w = both_ways(xterm, box, show(text), [], "ready", "\n")
    link = re.search(rb"\x1b\]8;[^;]*;" + re.escape(url.encode()) + rb"(?:\x1b\\|\a)(.*?)\x1b\]8;;(?:\x1b\\|\a)", w.sent, re.S)
    assert link and re.sub(rb"\x1b\[[^a-zA-Z]*[a-zA-Z]", b"", link.group(1)) == b"linked", w.sent[-400:]
