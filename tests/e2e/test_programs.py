"""Programs that people live in show through tern what they show without it: in tmux as judge, once the screen is
quiet. What tmux cannot show is in test_programs_xterm.py."""
import os

import pytest

from test_screens import TEXT, direct_and_tern, leave, put

WIDE = "".join(f"{i} " + "größe 漢字 👍 e\u0301 " * 8 + "\n" for i in range(40))


@pytest.mark.needs("vim")
def test_vim_visual_selection_on_a_wrapped_last_line(tmux, box):
    """mosh's screens went wrong here: the selection ends in the last column of the last row."""
    put(box, "text", TEXT.split("\n")[0] + "\n" + "".join("word%d " % i for i in range(400)) + "\n" + WIDE)
    put(box, ".vimrc", "set nocompatible wrap ruler showcmd display=lastline noswapfile viminfo= t_RV= t_u7=\nsyntax off\n")
    ways = direct_and_tern(tmux, box, "exec vim -u .vimrc text", [
        lambda w: w.wait_for("word50"),
        lambda w: w.type("jv$"),
        lambda w: w.type("hhhhh"),
        lambda w: w.type("kkV"),
        lambda w: w.type("\x1b0\x1642l"),
        lambda w: w.type("\x1b:set list nowrap\rGzb$v"),
        lambda w: w.type("\x1bggvG$"),
        lambda w: w.type("\x1b:set wrap | 3\rztv20l"),
    ], cols=60, rows=16)
    leave(ways, "Escape", ":", "q", "a", "!", "Enter")


@pytest.mark.needs("nvim")
def test_neovim_in_tmux(tmux, box):
    """A tmux of its own inside, with a status line and two panes; nvim in one of them."""
    put(box, "a.lua", "-- comment: äöü 漢字 👍\nlocal function f(n)\n  return n < 2 and n or f(n - 1) + f(n - 2)\nend\nprint(f(20))\n" * 6)
    put(box, "init.vim", "syntax on\nset number cursorline list noswapfile shada= termguicolors mouse=a laststatus=2 title\n")
    put(box, "inner.conf", "set -g status-right ''\nset -g escape-time 0\nset -g assume-paste-time 0\nset -g default-terminal tmux-256color\n"
                           "set -g window-status-current-format 'X'\nset -g default-shell /bin/sh\nset -g status-left '[in]'\n"
                           "set -as terminal-features ',*:256:RGB:usstyle'\nset -g set-titles off\n"
                           "bind -n F2 split-window -v 'cat a.lua; read x'\nbind -n F3 resize-pane -U 4\n"
                           "bind -n F4 select-pane -U\nbind -n F5 kill-server\n")
    # one server for each way, or both would show one session
    ways = direct_and_tern(tmux, box, "exec env -u TMUX tmux -u -L in$$ -f inner.conf new 'exec nvim -u init.vim a.lua'", [
        lambda w: w.wait_for("local function"),
        lambda w: w.type("/return\r"),
        lambda w: w.type("jjVjj"),
        lambda w: w.type("\x1b:vsplit\r"),
        lambda w: w.keys("F2"),
        lambda w: w.keys("F3"),
        lambda w: (w.keys("F4"), w.type("Gonew 漢字\x1b")),
    ], cols=90, rows=30)
    for w in ways.values():
        w.keys("F5")
        w.wait(w.dead, what="tmux's end")


@pytest.mark.needs("less")
def test_less_of_wide_text(tmux, box):
    put(box, "text", "\x1b[1mtitle\x1b[m _\bu_\bn o\bov\bv\n" + WIDE)
    ways = direct_and_tern(tmux, box, "exec less -R text", [
        lambda w: w.wait_for("größe"),
        lambda w: w.type("jjj/漢字\r"),
        lambda w: w.type("nnn"),
        lambda w: w.type("-S\r"),
        lambda w: w.keys("Right"),
        lambda w: w.type("G"),
        lambda w: w.type("kkkkkk"),
    ], cols=57, rows=14)
    leave(ways, "q")


@pytest.mark.needs("emacs")
def test_emacs(tmux, box):
    put(box, "a.py", "def f(x):\n    '''äöü 漢字 👍'''\n    return [x + 1 for _ in range(3)]  # comment\n\n" * 8)
    put(box, "init.el", "(setq native-comp-deferred-compilation nil comp-deferred-compilation nil)\n"
                        "(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil\n"
                        "      create-lockfiles nil ring-bell-function 'ignore visible-cursor nil)\n"
                        "(setq eldoc-idle-delay 1000)\n")
    ways = direct_and_tern(tmux, box, "exec emacs -nw -Q -l init.el a.py", [
        lambda w: w.wait_for("def f"),
        lambda w: w.type("\x13range"),
        lambda w: (w.keys("Enter", "C-Space"), w.type("\x0e\x0e\x0e")),
        lambda w: w.type("\x07\x183"),
        lambda w: w.type("\x182\x18o\x16"),
        lambda w: w.type("\x1b>new 漢字 line"),
        lambda w: w.keys("M-x"),
    ], cols=85, rows=26)
    for w in ways.values():
        w.keys("C-g")
        w.type("\x1b:(kill-emacs)\r")
        w.wait(w.dead, what="emacs's end")


@pytest.mark.needs("mc")
def test_mc_editor_and_dialogs(tmux, box):
    put(box, "file.c", "int main(void)\n{\n\treturn 'ä'; /* 漢字 */\n}\n")
    ways = direct_and_tern(tmux, box, "exec mcedit -u file.c", [
        lambda w: w.wait_for("main"),
        lambda w: w.keys("F3", "Down", "Down", "F3"),
        lambda w: w.keys("F7"),
        lambda w: w.type("return"),
        lambda w: w.keys("Enter"),
        lambda w: w.keys("F9", "Down"),
        lambda w: w.keys("Escape", "Escape"),
    ], cols=70, rows=20)
    leave(ways, "F10")


def record(tmux, box, command, steps, end, cols, rows, words):
    """The bytes that a program prints, taken by script(1) in a window of its own."""
    path = box.file("typescript")
    box.script("recorded", f"cd {box.home}; exec {command}")
    w = tmux.window(["env", "TERM=xterm-256color", "script", "-q", "-f", "-c", "recorded", path], cols, rows,
                    {"COLORTERM": "truecolor", "LANG": "C.UTF-8"})
    w.wait_for(words)
    for step in steps:
        step(w)
        w.settled()
    with open(path, "rb") as f:
        data = f.read()
    end(w)
    w.wait(w.dead, what="the program's end")
    return data.split(b"\n", 1)[1]  # behind script's own first line


def replay(tmux, box, data, cols, rows, words):
    with open(os.path.join(box.home, "recording"), "wb") as f:
        f.write(data)
    ways = direct_and_tern(tmux, box, "stty raw -echo; cat recording; stty sane -echo; read x", [
        lambda w: w.wait_for(words),
    ], cols, rows)
    leave(ways, "Enter")


@pytest.mark.needs("htop", "script")
def test_htop_recorded_now(tmux, box):
    """Its content changes by itself: one recorded output, shown both ways."""
    data = record(tmux, box, "htop -d 100", [lambda w: w.keys("F6"), lambda w: w.keys("Escape"), lambda w: w.keys("F5")],
                  lambda w: w.type("q"), 90, 26, "F10")
    assert b"\x1b[" in data
    replay(tmux, box, data, 90, 26, "F10")


@pytest.mark.needs("weechat-curses", "script")
def test_weechat_recorded_now(tmux, box):
    data = record(tmux, box, "weechat-curses -t", [
        lambda w: w.line("/print -newbuffer test some words 漢字 👍 größe"),
        lambda w: w.line("/buffer test"),
        lambda w: w.line("/print \x03" + "05red and a line that is long enough to be wrapped by weechat at the end of the window's width, twice or more"),
        lambda w: w.line("/window splith"),
        lambda w: w.line("/bar hide title"),
        lambda w: w.keys("F7"),
    ], lambda w: w.line("/quit"), 80, 24, "core")
    replay(tmux, box, data, 80, 24, "core")
