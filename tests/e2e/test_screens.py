"""Full-screen programs show through tern exactly what they show without it: text, attributes,
cursor, in the same size, TERM and environment."""
import os

import pytest

from lib import screen

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
TERM = {"COLORTERM": "truecolor", "LANG": "C.UTF-8"}

TEXT = "".join(f"{i:4d} The quick brown fox jumps over the lazy dog; größe 漢字 {'x' * (i % 70)}\n"
               for i in range(1, 200))
CODE = r"""#include <stdio.h>
/* a comment with umlauts: äöü, and wide: 漢字 */
static const char *const names[] = {"one", "two", NULL};

int main(int argc, char **argv)
{
    for (int i = 0; names[i]; i++)
        printf("%d: %s\n", i, names[i]); // 0x2a 3.14
    return argc > 1 ? 1 : 0;
}
"""


def direct_and_tern(tmux, box, script, steps, cols=80, rows=24):
    """Runs the script both ways; after each step (a function of the window) the pictures must be
    equal. Ends with the script's own end."""
    box.script("job", f"cd {box.home}; {script}")
    ways = {
        # tmux sets TERM itself; tern draws for that, and its programs always see xterm-256color
        "direct": tmux.window(["env", "TERM=xterm-256color", "job"], cols, rows, TERM),
        "tern": tmux.window(["tern", "--local", "--", "job"], cols, rows, TERM),
    }
    for i, step in enumerate(steps):
        pictures = {}
        for way, w in ways.items():
            step(w)
        for way, w in ways.items():
            pictures[way] = w.settled(40)
        end = f"step {i}"
        if pictures["direct"][0] != pictures["tern"][0]:
            # the slower one may have paused in the middle; look again before judging
            ways["tern"].wait(lambda: ways["tern"].picture() == ways["direct"].picture(), 5,
                              f"{end}: the same picture; direct and tern:\n" +
                              str(screen.difference(pictures["direct"][0], pictures["tern"][0])))
        ways["tern"].wait(lambda: ways["tern"].cursor() == ways["direct"].cursor(), 5,
                          f"{end}: cursor {ways['tern'].cursor()} as {ways['direct'].cursor()}")
    return ways


def leave(ways, *keys):
    for w in ways.values():
        w.keys(*keys)
        w.wait(w.dead, what="the program's end")


def put(box, name, text):
    with open(os.path.join(box.home, name), "w") as f:
        f.write(text)


@pytest.mark.needs("vim")
def test_vim(tmux, box):
    put(box, "a.c", CODE)
    put(box, ".vimrc", "syntax on\nset nocompatible number cursorline hlsearch ruler noswapfile "
                       "viminfo= background=dark termguicolors t_RV= t_u7=\n")
    ways = direct_and_tern(tmux, box, "exec vim -u .vimrc a.c", [
        lambda w: w.wait_for("argc > 1"),
        lambda w: w.type("/names\r"),
        lambda w: w.type("3Gonew line äöü 漢字\x1b"),
        lambda w: w.type(":vsplit\r:set list\r"),
        lambda w: w.type("Gyypp\x16kjI# \x1b"),
        lambda w: w.type(":help\r"),
    ])
    leave(ways, "Escape", ":", "q", "a", "!", "Enter")


@pytest.mark.needs("less")
def test_less(tmux, box):
    put(box, "text", TEXT)
    ways = direct_and_tern(tmux, box, "exec less -R text", [
        lambda w: w.wait_for("The quick"),
        lambda w: w.type(" "),
        lambda w: w.type("/x{20}$\r"),
        lambda w: w.type("jjjkkkbG"),
        lambda w: w.type("g-S"),
        lambda w: w.keys("Enter", "Right"),
    ], cols=60, rows=15)
    leave(ways, "q")


@pytest.mark.needs("mc")
def test_mc(tmux, box):
    os.makedirs(os.path.join(box.home, "folder/below"))
    for i in range(30):
        put(box, f"folder/file{i:02d}", "x" * i)
        os.utime(os.path.join(box.home, f"folder/file{i:02d}"), (10 ** 9, 10 ** 9))
    os.utime(os.path.join(box.home, "folder/below"), (10 ** 9, 10 ** 9))
    os.utime(os.path.join(box.home, "folder"), (10 ** 9, 10 ** 9))
    # -u: no subshell, whose prompt would race with the panels
    ways = direct_and_tern(tmux, box, "exec mc -u folder folder", [
        lambda w: w.wait_for("file05"),
        lambda w: w.keys("Down", "Down", "Down", "IC"),
        lambda w: w.keys("F9"),
        lambda w: w.keys("Enter", "Down"),
        lambda w: w.keys("Escape", "Escape"),
        lambda w: w.keys("F3"),
    ])
    leave(ways, "F10", "F10", "Enter")


@pytest.mark.parametrize("cols,rows", [(80, 24), (100, 30)])
def test_recorded_htop(tmux, box, cols, rows):
    record = os.path.join(DATA, "htop.typescript")
    ways = direct_and_tern(tmux, box, f"stty -echo; cat {record}; read x", [
        lambda w: w.wait_for("Swp"),
    ], cols, rows)
    leave(ways, "Enter")


def test_attributes_and_line_drawing(tmux, box):
    lines = [r"\033[%dm attribute %d \033[m" % (n, n) for n in (1, 2, 3, 4, 5, 7, 9)]
    lines += [r"\033[4:3m curly \033[m \033[4:2m double \033[m \033[53m over \033[m"]
    lines += [r"\033[38;5;208m orange \033[48;2;10;20;30m true \033[m \033[38:2::250:128:114m colon \033[m"]
    lines += [r"\033[3%d;10%dm pair \033[m" % (n, 7 - n) for n in range(8)]
    lines += [r"\033(0lqqwqqk\033(B \016nomatch\017 e\0314\0201 漢字 \033[44m\033[K\033[m"]
    put(box, "show", r"\n".join(lines) + r"\033[5;60Hhere\033[3A\033[4D there")
    ways = direct_and_tern(tmux, box, "stty -echo; printf \"$(cat show)\"; read x", [
        lambda w: w.wait_for("there"),
    ])
    leave(ways, "Enter")


def test_alternate_screen_and_scroll_regions(tmux, box):
    put(box, "show", r"main\n\033[?1049h\033[2J\033[5;10rA\033[5Hone\ntwo\nthree\nfour\nfive\nsix\nseven"
                     r"\033[r\033[20Hbottom\033[5S\033[2T\033[10H\033[3L\033[2M\033[12;3H\033[4@\033[2P")
    ways = direct_and_tern(tmux, box, "stty -echo; printf \"$(cat show)\"; read x; printf '\\033[?1049lback'; read x", [
        lambda w: w.wait_for("seven"),
    ])
    for w in ways.values():
        w.keys("Enter")
        w.wait_for("back")
        assert "main" in w.text()
    leave(ways, "Enter")


@pytest.mark.needs("vim")
def test_resize_while_a_program_draws(tmux, box):
    put(box, "text", TEXT)
    put(box, ".vimrc", "set nocompatible number wrap ruler noswapfile viminfo= t_RV= t_u7=\n")
    ways = direct_and_tern(tmux, box, "exec vim -u .vimrc text", [
        lambda w: w.wait_for("The quick"),
        lambda w: w.resize(50, 12),
        lambda w: w.type("50Gzz:vsplit\r"),
        lambda w: w.resize(120, 40),
        lambda w: w.type("\x05\x05\x05gg"),
        lambda w: w.resize(20, 5),
        lambda w: w.resize(81, 25),
    ])
    leave(ways, "Escape", ":", "q", "a", "!", "Enter")


def test_flood_ends_in_the_right_picture(tmux, box):
    script = ("stty -echo; for i in $(seq 1 3000); do "
              "printf '\\033[3%dm%d \\033[7mline\\033[m of größe 漢字\\n' $((i % 8)) $i; done; printf end; read x")
    ways = direct_and_tern(tmux, box, script, [lambda w: w.wait_for("end", 30)])
    leave(ways, "Enter")


def test_lines_that_wrap(tmux, box):
    put(box, "show", "".join(chr(97 + i % 26) * (70 + i) + "\\n" for i in range(12)) + "漢" * 60 + "\\nend")
    ways = direct_and_tern(tmux, box, "stty -echo; printf \"$(cat show)\"; read x", [
        lambda w: w.wait_for("end"),
    ])
    leave(ways, "Enter")
