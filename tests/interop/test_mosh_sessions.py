"""Stock and our own client and server, each with each: what a user does, and that the screen is that
of the same program without mosh."""
import hashlib
import os

import pytest

from lib import screen
from lib.wait import wait_until
from moshes import COMBOS, MIXED, NAMES, PROMPT

each = pytest.mark.parametrize("client,server", COMBOS, ids=NAMES)
mixed = pytest.mark.parametrize("client,server", MIXED, ids=NAMES[:2])


@each
def test_type_resize_exit(moshes, client, server):
    s = moshes.server(server)
    w = moshes.start(client, s)
    assert w.ask("#{alternate_on}") == "1"
    w.line("echo größe 漢字 e\u0301 | cat; echo $TERM $NCURSES_NO_UTF8_ACS")
    w.wait_row("größe 漢字 e\u0301")
    w.wait_row("xterm-256color 1")
    w.line("stty size")
    w.wait_row("24 80")
    w.resize(100, 30)
    w.line("clear; stty size")
    w.wait_row("30 100")
    w.resize(60, 12)
    w.line("clear; stty size")
    w.wait_row("12 60")
    w.line("printf '\\033]0;a title\\a'")
    wait_until(lambda: w.title() == "[mosh] a title", 10, "the title", w.title)
    w.line("read -rsn3 k; echo ${k@Q}")
    w.wait(lambda: w.cursor()[1] > 2)
    w.keys("Up")
    w.wait_row("$'\\E[A'")  # not in application mode: translated by the server
    w.line("printf '\\033[?1000h\\033[?1006h'")
    wait_until(lambda: w.modes()["mouse_sgr_flag"] == "1" and w.modes()["mouse_standard_flag"] == "1", 10)
    w.line("exit 3")
    assert w.finish() == 0  # mosh has no status of the command
    assert "[mosh is exiting.]" in w.rows()
    modes = w.modes()
    assert (modes["alternate_on"], modes["mouse_any_flag"], modes["keypad_cursor_flag"]) == ("0", "0", "0")
    s.wait_end()


@each
def test_quit(moshes, client, server):
    s = moshes.server(server)
    w = moshes.start(client, s)
    w.keys("C-^")
    w.wait_for('mosh: Commands: Ctrl-Z suspends, "." quits, "^" gives literal Ctrl-^')
    w.type("^")
    w.wait_gone("mosh:")
    w.keys("C-^", ".")
    assert w.finish() == 0
    s.wait_end()  # and nothing is left of the program: the box looks


@mixed
def test_suspend(moshes, client, server):
    s = moshes.server(server)
    w = moshes.start(client, s)
    w.line("echo before")
    w.wait_row("before")
    w.keys("C-^", "C-z")
    w.wait_for("[mosh is suspended.]")
    w.ready()
    assert w.modes()["alternate_on"] == "0" and w.modes()["keypad_cursor_flag"] == "0"
    w.line("fg")
    w.wait_row("before")
    w.line("echo after")
    w.wait_row("after")
    w.line("exit")
    assert w.finish() == 0
    s.wait_end()


CODE = "\n".join(f"int f{i}(void) {{ return {i} * 0x2a; }} // größe 漢字 {'x' * i}" for i in range(40))
VIMRC = ("syntax on\nset nocompatible number cursorline hlsearch ruler noswapfile viminfo= background=dark "
         "termguicolors t_RV= t_u7= t_Cs= t_Ce=\n")


def windows(moshes, program, combos=MIXED, cols=80, rows=24, env=None):
    """name -> window: the program directly and through mosh."""
    moshes.box.script("job", program)
    env = {"LANG": "C.UTF-8", **(env or {})}
    ways = {"direct": moshes.box.tmux.window(["env", "TERM=xterm-256color", "job"], cols, rows, env)}
    for client, server in combos:
        s = moshes.server(server, "job", env=env)
        ways[f"{client}-{server}"] = moshes.client(client, s, cols=cols, rows=rows,
                                                   env={"MOSH_TITLE_NOPREFIX": "1"})
    return ways


def redraw(w):
    """tmux's own drawing of wild output for the viewer is not always right until it starts afresh."""
    for client in w.tmux.run("list-clients", "-t", w.target, "-F", "#{client_name}").split():
        w.tmux.run("refresh-client", "-t", client)


def same(want, w, what):
    """Picture and cursor."""
    w.wait(lambda: (w.picture(), w.cursor()) == (want.picture(), want.cursor()), 20,
           f"{what}: {screen.difference(want.picture(), w.picture())}, {want.cursor()}, {w.cursor()}")


def same_pictures(ways, what):
    for name, w in ways.items():
        same(ways["direct"], w, f"{what}: {name} as direct")


COLOURS = r"""clear; awk 'BEGIN { srand(1); for (y = 0; y < 78; y++) { for (x = 0; x < 249; x++)
 printf "\033[48;2;%d;%d;%dm%c", rand()*255, rand()*255, rand()*255, 65+rand()*50
 printf "\n" } printf "\033[m\033]2;full\a" }'"""


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 here")
def test_large_frames_and_a_paste_over_v6(moshes):
    """A screen of 80 x 250 in true colours (tens of fragments) and 60,000 typed bytes."""
    typed = "abcdefghi\n" * 6000
    pictures = []
    moshes.box.script("colours", COLOURS)
    for client, server in MIXED:
        s = moshes.server(server, bind="::1")
        w = moshes.start(client, s, cols=250, rows=80)
        w.line("colours")
        wait_until(lambda: w.title() == "[mosh] full", 20, "the end of the frame", w.text)
        pictures.append(w.settled()[0])
        w.line('clear; stty -echo; echo g""o; head -c 60000 | md5sum; stty echo')
        w.wait_row("go")
        w.type(typed.replace("\n", "\r"))
        w.wait_for(hashlib.md5(typed.encode()).hexdigest(), 20)
        w.line("exit")
        assert w.finish() == 0
    assert screen.difference(*pictures) is None


@pytest.mark.needs("vim")
def test_vim(moshes):
    with open(os.path.join(moshes.box.home, "a.c"), "w") as f:
        f.write(CODE)
    with open(os.path.join(moshes.box.home, ".vimrc"), "w") as f:
        f.write(VIMRC)
    ways = windows(moshes, f"cd {moshes.box.home}; exec vim -u .vimrc a.c")
    for keys in ["", "/return\r", "3Gonew line äöü 漢字\x1b", ":vsplit\r:set list\r", "Gyypp\x16kjI# \x1b"]:
        for w in ways.values():
            w.type(keys)
        ways["direct"].settled(20)
        same_pictures(ways, repr(keys))
    for w in ways.values():
        w.keys("Escape", ":", "q", "a", "!", "Enter")
        w.wait(w.dead, what="the program's end")


@pytest.mark.needs("less")
def test_less(moshes):
    with open(os.path.join(moshes.box.home, "text"), "w") as f:
        f.write("".join(f"{i:4d} größe 漢字 e\u0301 {'x' * (i % 90)}\n" for i in range(300)))
    ways = windows(moshes, f"cd {moshes.box.home}; exec less -X text", cols=70, rows=20)
    for keys in ["", " ", "/ 15\r", "G", "b"]:
        for w in ways.values():
            w.type(keys)
        ways["direct"].settled(20)
        same_pictures(ways, repr(keys))
    for w in ways.values():
        w.type("q")
        w.wait(w.dead, what="the program's end")


@mixed
def test_bell_and_clipboard(moshes, client, server):
    s = moshes.server(server)
    w = moshes.start(client, s)
    w.tmux.run("set", "-g", "set-clipboard", "on")
    w.line("printf '\\a'")
    wait_until(lambda: w.ask("#{window_bell_flag}") == "1", 10, "the bell")
    w.line("printf '\\033]52;c;%s\\a' $(printf %s 'to the größe clipboard' | base64)")
    wait_until(lambda: "to the größe clipboard" in w.tmux.run("list-buffers"), 10, "the clipboard")
    w.line("exit")
    assert w.finish() == 0


NOISE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "noise.py")
PAGES = 5
RUNS = 6 if os.environ.get("TERN_SOAK", "") not in ("", "0") else 1


def pages_of_noise(moshes, seed, kind, combos, cols, rows):
    """Yields name -> window, each time with another page on all of them."""
    ways = windows(moshes, f"exec /usr/bin/python3 {NOISE} {seed} {PAGES} {kind}", combos, cols, rows)
    for page in range(PAGES):
        for name, w in ways.items():
            wait_until(lambda w=w: w.title() == f"page {page}", 20, f"seed {seed}: page {page} of {name}", w.title)
            redraw(w)
        yield page, ways
        for w in ways.values():
            w.type("\r")
    for w in ways.values():
        w.wait(w.dead, what="the program's end")


@pytest.mark.parametrize("seed", range(1, 1 + RUNS))
def test_random_output_as_directly(moshes, seed):
    """1,500 random sequences of those that tmux and mosh take alike."""
    for page, ways in pages_of_noise(moshes, seed, "plain", MIXED, 80, 24):
        same_pictures(ways, f"seed {seed}, page {page}")


@pytest.mark.parametrize("seed", range(11, 11 + RUNS))
def test_random_output_of_one_server_on_both_clients(moshes, seed):
    """1,500 of all that mosh knows; what one emulator makes of it, both clients show."""
    for page, ways in pages_of_noise(moshes, seed, "full", COMBOS, 61, 17):
        for server in "stock", "ours":
            same(ways[f"stock-{server}"], ways[f"ours-{server}"], f"seed {seed}, page {page}, server {server}")
