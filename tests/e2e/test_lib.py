"""The judge itself: what the helpers see of a program that is run without tern."""

import os

import pytest

from lib import procs, screen, tmuxlog
from lib.numbered import Held
from lib.wait import wait_until


def test_status_and_prompt(tmux):
    w = tmux.shell()
    w.start("sh -c 'exit 42'")
    assert w.finish() == 42


def test_sizes_and_resize(tmux):
    said = os.path.join(tmux.env["HOME"], "size")
    for cols, rows in ((80, 24), (1, 1), (2000, 1000)):
        w = tmux.window(["sh", "-c", f"while :; do stty size > {said}; read x; done"], cols, rows)
        w.wait(lambda: os.path.exists(said) and open(said).read() == f"{rows} {cols}\n", what="the size")
    w.resize(33, 7)
    w.keys("Enter")
    w.wait(lambda: open(said).read() == "7 33\n", what="the new size")


def test_cells_do_not_depend_on_the_way_of_drawing(tmux):
    ways = [
        r"\033[31mred\033[m plain \033[1;44m x \033[m\n\033(0lqk\033(B e\314\201",
        r"\033[1;1H\033[38;5;1mred\033[39m plain \033[1;44m x \033[0m   \r\n┌─┐ e\314\201",
    ]
    pictures = []
    for way in ways:
        w = tmux.window(["sh", "-c", f"printf '{way}DONE'; read x"])
        w.wait_for("DONE")
        pictures.append(w.cells())
    assert screen.difference(*pictures) is None
    w = tmux.window(["sh", "-c", f"printf '{ways[0].replace('[31m', '[32m')}DONE'; read x"])
    w.wait_for("DONE")
    assert "row 0 from column 0" in screen.difference(pictures[0], w.cells())


def test_cleared_background_is_part_of_the_picture(tmux):
    pictures = []
    for way in (r"\033[44m\033[K", r"\033[44m%80s", r"\033[K", r"\033[44m\033[1P"):
        w = tmux.window(["sh", "-c", f"printf '{way}\\033[m\nDONE'; read x"])
        w.wait_for("DONE")
        pictures.append(w.settled()[0])
    el, spaces, plain, one = pictures
    assert screen.difference(el, spaces) is None
    assert el[0] == [screen.cell(" ", {"bg": 4})] * 80
    assert plain[0] == []
    assert one[0] == [screen.BLANK] * 79 + [screen.cell(" ", {"bg": 4})]


def test_modes_are_seen(tmux):
    w = tmux.shell()
    before, stty = w.modes(), w.stty()
    w.line(r"printf '\033[?25l\033[?1000h\033[?1h\033=\033[4h\033[2;5r\033[?1049h'")
    w.wait(lambda: w.modes()["alternate_on"] == "1")
    changed = {k for k, v in w.modes().items() if v != before[k]}
    assert changed >= {"alternate_on", "cursor_flag", "mouse_any_flag", "keypad_cursor_flag",
                       "keypad_flag", "insert_flag", "scroll_region_upper"}
    w.line("stty raw")
    w.wait(lambda: w.stty() != stty)


def test_orphans_stay_in_sight(box):
    box.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & exit 0", stdin=None)
    [pid] = wait_until(lambda: procs.named("sleep"))
    assert list(box.left()) == [pid]
    procs.end_all([pid])
    assert not box.left()


def test_a_leak_is_reported(box):
    from lib.box import Box
    other = Box()
    other.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & exit 0", stdin=None)
    with pytest.raises(AssertionError, match="sleep 1000"):
        other.close(patience=0.3)
    assert not procs.named("sleep")


def test_the_condition_is_shown_on_failure(tmux):
    w = tmux.shell()
    with pytest.raises(AssertionError, match="(?s)'never'.*outer"):
        w.wait_for("never", 0.2)


def test_link(netlab, box):
    p = box.run(*netlab.enter("c"), "ip", "route", "get", netlab.SERVER4)
    assert "src 10.77.0.1" in p.stdout
    netlab.do("down", "up")


def test_numbered_lines_are_counted():
    all_there = {end: set(range(1, 10)) for end in ("beginning", "end")}

    def rows(*numbers):
        return "".join(f"<{n}>xx\nx={n};\n" if n else "\n" for n in numbers)  # cut in two by a wrap

    h = Held(rows(*range(1, 10)) + "\n\n")
    assert (h.misses(all_there), h.repeated, h.blank) == (None, 0, 0)
    h = Held(rows(1, 2, 3, 0, 2, 3, 4, 5, 6, 7, 8, 9, 7))
    assert (h.misses(all_there), h.repeated, h.again, h.blank) == (None, 3, [2, 1], 1)
    h = Held(rows(1, 2, 3, 5, 6, 7, 8, 9, 4))
    assert "1 lines miss their beginning: [4]" in h.misses(all_there)  # it is there, but not in order
    h = Held(rows(5, 6, 7, 8, 1, 2, 3, 4, 5, 9))
    assert h.misses({"beginning": {1, 2, 3, 4, 5, 9}}) is None and h.misses({"beginning": {1, 2, 5, 6}})
    h = Held(rows(*range(1, 10)).replace("=6;", ""))
    assert "1 lines miss their end: [6]" in h.misses(all_there) and h.lost(all_there) == 1


def test_what_tmux_read_is_in_its_log(box, tmp_path):
    box.tmux.start(str(tmp_path))
    w = box.tmux.window(["sh", "-c", r"printf 'a\033[1;5H\\\303\251^[\r\n'; read x; printf b; read x"])
    w.wait_for("^[")
    w.resize(60, 20)
    w.keys("Enter")
    w.wait_for("b")
    [log] = tmp_path.glob("tmux-server-*.log")
    got = [tuple(more) for _, *more in tmuxlog.events(log, w.target)]
    sizes = [e for e in got if e[0] != "read"]
    assert sizes == [("size", 60, 20), ("told", 60, 20)]
    assert b"".join(e[1] for e in got if e[0] == "read") == "a\033[1;5H\\é^[\r\r\n\r\nb".encode()
