"""tmux's control mode (tmux -CC) through a session: the terminal gets tmux's own bytes, all of them and in order, and the
screen before and after. The terminal is played on a pty; tmux is the stock one."""
import os
import re
import shlex
import signal
import subprocess
import time

import pytest

from lib.ptyterm import KITTY, PtyTerm
from lib.wait import wait_until

INTRO, OUTRO = b"\x1bP1000p", b"\x1b\\"


@pytest.fixture
def name(box):
    """A tmux server of this test."""
    yield f"cc{os.getpid()}-{os.path.basename(box.root)}"


@pytest.fixture
def play(box, name):
    made = []

    def start(*argv):
        made.append(PtyTerm(argv, box.env, KITTY))
        return made[-1]
    yield start
    subprocess.run(["tmux", "-L", name, "kill-server"], env=box.env, capture_output=True)
    for t in made:
        t.close()
    box.wait_no_server(30)


def control(name):
    return f"tmux -L {name} -f /dev/null -CC new -A -s a"


def inside(t):
    """What tmux said, from the newest intro on."""
    return t.bytes[t.bytes.rindex(INTRO):]


def printed(t, since=0):
    """What the panes printed, from the %output lines."""
    lines = re.findall(rb"%output %\d+ ([^\r\n]*)\r\n", t.bytes[since:])
    return re.sub(rb"\\(\d\d\d)", lambda m: bytes([int(m.group(1), 8)]), b"".join(lines))


def begin(t, name):
    t.wait_for(b"inner$")
    t.settled()
    t.type(control(name) + "\n")
    t.wait_for(b"%session-changed")
    t.type("refresh-client -C 80,24\n")
    wait_until(lambda: inside(t).count(b"%end") >= 2, 15, "an answer")


def test_all_of_it_and_the_screen_after(play, name):
    t = play("tern", "--local", "--", "inner")
    begin(t, name)
    t.type('send-keys -t a "PS1=x; clear; seq 1 20000; echo do\'\'ne" Enter\n')
    want = b"".join(b"%d\r\n" % n for n in range(1, 20001)) + b"done\r\n"
    wait_until(lambda: want in printed(t), 60, "all lines, whole and in order")
    assert b"\x1b[" not in inside(t)  # nothing of ours is among it
    t.type("resize-window -t a -x 100 -y 30\n")
    t.type('display-message -p "it is #{window_width}"\n')
    t.wait_for(b"it is 100\r\n")
    t.type("detach-client\n")
    t.wait_for(b"%exit")
    t.wait_for(OUTRO)
    t.cut()
    t.type("echo after $((40+2))\n")
    t.wait_for(b"after 42")
    t.type("exit 3\n")
    assert t.wait_end() == 3


def test_a_session_that_is_nothing_else(play, name, box):
    """Its end comes whole before the client's."""
    t = play("tern", "--local", "--", *shlex.split(control(name)))
    t.wait_for(b"%session-changed")
    t.type("list-windows\n")
    t.wait_for(b"(active)")
    t.type("kill-session\n")
    assert t.wait_end() == 0
    said = inside(t)
    assert b"%exit\r\n" + OUTRO in said


def test_detached_and_attached_again(play, name, box):
    t = play("tern", "--local", "--name", "cc", "--", "inner")
    begin(t, name)
    t.cut()
    t.type("~d")
    assert t.wait_end() == 0
    assert OUTRO in t.new()
    u = play("tern", "--attach", "cc")
    u.wait_for(INTRO)
    u.type('display-message -p "here again"\n')
    u.wait_for(b"here again\r\n")
    u.type("detach-client\n")
    u.wait_for(b"%exit\r\n" + OUTRO)
    u.type("exit 4\n")
    assert u.wait_end() == 4


def test_a_second_client_takes_it_over(play, name):
    t = play("tern", "--local", "--name", "cc", "--", "inner")
    begin(t, name)
    t.cut()
    u = play("tern", "--attach", "cc")
    u.wait_for(INTRO)
    t.wait_for(OUTRO)
    u.type('display-message -p "for the second"\n')
    u.wait_for(b"for the second\r\n")
    assert b"for the second" not in t.new()
    u.type("detach-client\n")
    u.wait_for(b"%exit\r\n" + OUTRO)
    t.type("exit 5\n")
    assert t.wait_end() == 5 and u.wait_end() == 5


def test_killed_within_it(play, name, box):
    """The program is killed: the terminal leaves the mode. So it does when the client is ended."""
    box.script("dies", f"printf '\\033P1000p%%begin\\n'; kill -9 $$")
    t = play("tern", "--local", "--", "dies")
    assert t.wait_end() == 255
    assert INTRO + b"%begin\r\n" + OUTRO in t.bytes
    u = play("tern", "--local", "--", "inner")
    begin(u, name)
    u.cut()
    os.kill(u.pid, signal.SIGTERM)
    u.wait_end()
    assert OUTRO in u.new()
    [left] = box.session_names()
    assert box.run("tern", "--kill", left).returncode == 0


def test_outage_and_new_address(box, netlab, name):
    """A flood in a pane waits while the network is away, and no byte of it is lost."""
    server = shlex.join([*netlab.enter("s"), os.path.join(box.build, "tern-server")])
    t = PtyTerm([*netlab.enter("c"), "tern", "--local", f"--server=exec {server}", "--transport=udp", "--", "inner"],
                box.env, KITTY)
    begin(t, name)
    since = len(t.bytes)
    t.type('send-keys -t a "PS1=x; seq 1 60000; echo do\'\'ne" Enter\n')
    wait_until(lambda: len(t.bytes) > since + 50000, 30, "some of it")
    netlab.do("down")
    time.sleep(3)
    netlab.do("addr 10.77.0.2")
    netlab.do("up")
    want = b"".join(b"%d\r\n" % n for n in range(1, 60001)) + b"done\r\n"
    wait_until(lambda: want in printed(t, since), 90, "all lines, whole and in order")
    t.type("kill-session\n")
    t.wait_for(b"%exit\r\n" + OUTRO)
    t.type("exit 3\n")
    assert t.wait_end() == 3
    t.close()
    box.wait_no_server(30)
