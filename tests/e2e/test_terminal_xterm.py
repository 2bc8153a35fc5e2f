"""What a real xterm is asked at the start, and what programs in a session then know of it."""
import os
import shutil

import pytest

from lib.wait import wait_until
from lib.xwindow import XWindow, judge
from test_terminal import ASK


@pytest.fixture(params=["#102030", "#fffff0"])
def coloured(request):
    for x in judge.lent(pytest.skip, {"background": request.param, "foreground": "#808080"}):
        yield x, request.param


def written(box, w, name):
    path = os.path.join(box.home, name)
    def there():
        w.pump(0.1)
        return os.path.exists(path) and os.path.getsize(path)
    wait_until(there, 20, f"the file {name}")
    with open(path, "rb") as f:
        return f.read()


@pytest.mark.needs("vim")
def test_the_true_background(box, coloured):
    """A program that asks at its very start gets xterm's own colours, and vim chooses by them."""
    xterm, colour = coloured
    box.script("ask", ASK, "/usr/bin/python3")
    box.script("job", f"cd {box.home}; ask '\\x1b]11;?\\x1b\\\\\\\\\\x1b]10;?\\x1b\\\\\\\\' asked\n"
               "exec vim --clean -i NONE -n a.txt")
    tern = shutil.which("tern", path=box.env["PATH"])
    w = XWindow(xterm, [tern, "--local", "--", "job"], 80, 24, box.env)
    got = written(box, w, "asked")
    channels = "/".join(2 * colour[i:i + 2] for i in (1, 3, 5))
    assert f"]11;rgb:{channels}".encode() in got
    assert b"]10;rgb:8080/8080/8080" in got
    w.wait_for("a.txt")
    w.type(":call writefile([&background], 'bg')\r")
    assert written(box, w, "bg") == (b"dark\n" if colour == "#102030" else b"light\n")
    w.type(":q!\r")
    assert w.end() == 0


def test_nothing_is_left_behind(box, coloured):
    """The questions leave no trace on the screen, and the answers none in the shell."""
    xterm, _ = coloured
    box.script("inside", "echo inside; sleep 0.3")
    box.script("outer", "printf 'before\\n'; tern --local -- inside; printf 'after\\n'; "
               "stty raw -echo; head -c 1 | od -c; stty sane; printf 'en''d\\n'; read line")
    w = XWindow(xterm, [shutil.which("outer", path=box.env["PATH"])], 80, 24, box.env)
    w.wait_for("after")
    w.type("Q")
    w.wait_for("end")
    rows = [r.rstrip() for r in w.look().rows if r.strip()]
    rows = rows[rows.index("inside"):]
    assert rows[:2] == ["inside", "after"] and rows[2].split() == ["0000000", "Q"] and len(rows) == 5, rows
    w.type("\r")
    w.end()
