"""tern --local in a real terminal (tmux): the life of a session."""
import os
import re
import signal
import socket
import subprocess

import pytest

from lib import procs, screen
from lib.box import INNER
from lib.wait import stays, wait_until

# What tern leaves behind must be what it found, except for the text above the cursor.
def restored(w, before, stty):
    w.wait(lambda: w.modes() == before, what=f"the modes as before: {before}")
    w.wait(lambda: w.stty() == stty, what="stty as before")


@pytest.fixture
def outer(tmux):
    return tmux.shell()


def inner(w, command="tern --local -- inner", timeout=20):
    """Start tern and wait for the prompt of the session's shell."""
    w.start(command)
    w.wait(lambda: [r for r in w.rows() if r][-1:] == [INNER], timeout, "the session's prompt")


# ---- shells, commands, their status ----


def test_login_shell(outer, box):
    outer.start("tern --local")
    outer.wait(lambda: [r for r in outer.rows() if r][-1:] == ["login$"], what="a login shell's prompt")
    outer.line("shopt login_shell; echo $((6*7))=")
    outer.wait_row("42=")
    assert re.search(r"login_shell\s+on", outer.text())
    outer.line("exit 7")
    assert outer.finish() == 7
    box.wait_no_server()


def test_prompt_input_and_output(outer, box):
    inner(outer)
    outer.line("echo $((6*7))=")
    outer.wait_row("42=")
    outer.line("exit")
    assert outer.finish() == 0
    box.wait_no_server()


@pytest.mark.parametrize("status", [0, 3, 254])
def test_exit_status_of_a_command(outer, box, status):
    box.script("job", f"echo ran; exit {status}")
    outer.start("tern --local -- job")
    assert outer.finish() == status
    assert "ran" in outer.rows()


@pytest.mark.parametrize("options,status", [("", 255), ("--signal-status", 128 + 15)])
def test_command_killed_by_a_signal(outer, box, options, status):
    box.script("job", "kill -TERM $$; sleep 100")
    outer.start(f"tern --local {options} -- job")
    assert outer.finish() == status


def test_command_line_goes_through_the_shell_as_with_ssh(outer, box):
    outer.start("tern --local 'echo a  b; exit 5'")
    assert outer.finish() == 5
    assert "a b" in outer.rows()


def test_command_not_found(outer, box):
    outer.start("tern --local -- no-such-command-here")
    assert outer.finish() == 127
    assert "not found" in outer.text()


def test_environment_of_the_session(outer, box):
    box.script("job", 'echo "[$TERM] [$COLORTERM] [$LANG$LC_ALL$LC_CTYPE]"; locale charmap; tty; stty size')
    outer.start("COLORTERM=truecolor tern --local -- job")
    assert outer.finish() == 0
    text = outer.text()
    assert "[xterm-256color] [truecolor]" in text
    assert "UTF-8" in text.split()
    assert "24 80" in text
    assert outer.tty() not in text
    outer.start("env -u COLORTERM LANG=C LC_ALL=C tern --local -- job")
    assert outer.finish() == 0
    assert "[xterm-256color] []" in outer.text()
    assert "UTF-8" in outer.rows()


def test_output_of_a_command_that_ends_at_once(outer, box):
    """All lines that fit are there, the last one too; none comes after the prompt."""
    box.script("job", "for i in 1 2 3 4 5 6 7 8; do echo line $i; done; printf end")
    outer.start("tern --local -- job")
    assert outer.finish() == 0
    rows = outer.rows()
    at = rows.index("line 1")
    assert rows[at:at + 9] == [f"line {i}" for i in range(1, 9)] + ["end"]
    assert rows[at + 9].startswith("outer$")


def test_control_c_goes_to_the_program(outer, box):
    inner(outer)
    outer.line("sleep 1000")
    wait_until(lambda: procs.named("sleep"))
    outer.keys("C-c")
    outer.wait(lambda: not procs.named("sleep"))
    outer.line("exit 4")
    assert outer.finish() == 4


def test_utf8_and_wide_characters(outer, box):
    inner(outer)
    outer.line("echo 'größe 漢字 e\u0301 end'")
    outer.wait_row("größe 漢字 e\u0301 end")
    outer.line("exit")
    outer.finish()


def test_paste_arrives_whole(outer, box):
    """20 kB in one go into a raw program: every byte once, in order."""
    got = box.file("got")
    box.script("job", f"stty raw -echo; echo ready; head -c 20000 > {got}; stty sane; echo finished")
    outer.start("tern --local -- job")
    outer.wait_for("ready")
    data = "".join("%07d\n" % i for i in range(2500)).replace("\n", "\r")
    outer.type(data)
    assert outer.finish() == 0
    assert open(got, newline="").read() == data


# ---- leaving ----


def test_quit_by_escape_ends_the_session(outer, box):
    inner(outer)
    before = box.session_names()
    assert len(before) == 1
    outer.type("~.")
    assert outer.finish() == 255
    box.wait_no_server()
    assert box.session_names() == []


def test_escape_only_at_the_start_of_a_line(outer, box):
    inner(outer)
    outer.line("echo a~.b")
    outer.wait_row("a~.b")
    outer.line("echo x")
    outer.type("~~")
    outer.wait(lambda: [r for r in outer.rows() if r][-1] == f"{INNER} ~")
    outer.keys("C-c")
    outer.line("exit 0")
    assert outer.finish() == 0


def test_escape_help(outer, box):
    inner(outer)
    outer.type("~?")
    words = "tern: ~. quits, ~d detaches, ~^Z suspends, ~# lists, ~~ types ~, ~? shows this"
    outer.wait_row(words)
    outer.resize(40, 24)
    outer.wait(lambda: " ".join(outer.rows()[:3]) == words and outer.rows()[0].startswith("tern:"), what="all of it on 40 columns")
    outer.line("exit")
    outer.finish()


def test_status_lists_what_is_open(outer, box):
    inner(outer, "tern --local --name work -- inner")
    for i in range(30):
        outer.line(f"echo line {i}")
    outer.wait_row("line 29")
    outer.wait(lambda: [r for r in outer.rows() if r][-1:] == [INNER], what="the prompt")
    before = outer.cells()
    outer.type("~#")
    first = re.compile(r"tern: session work, (\d+:)?\d+( s)?; \d+ screens came, \d+ drawn; \d+ B typed")
    outer.wait(lambda: first.fullmatch(outer.rows()[0]), what="the list")
    rows = outer.rows()
    assert re.fullmatch(r"path (pipe|udp 127\.0\.0\.1:\d+); RTT [\d.]+ ms, least [\d.]+ ms; loss 0 %; heard \d+ s ago", rows[1])
    wire = re.fullmatch(r"wire: (\d+) datagrams sent, ([\d.]+) k?B; (\d+) received, ([\d.]+) k?B", rows[2])
    assert wire and int(wire[1]) > 3 and int(wire[3]) > 3
    assert rows[3] == "0 channels"
    assert "line" in rows[4]
    outer.type("e")  # goes with the next key, which is typed
    outer.wait(lambda: outer.rows()[0].startswith(("line", INNER)), what="the screen again")
    outer.keys("BSpace")
    outer.wait(lambda: outer.cells() == before, what="the screen as it was")
    outer.line("exit")
    outer.finish()


def test_status_on_a_small_terminal(outer, box):
    inner(outer, "tern --local --name work -- inner")
    outer.line("echo hello")
    outer.wait_row("hello")
    outer.resize(20, 2)
    outer.type("~#")
    outer.wait(lambda: outer.rows()[0] == "tern: session work," and outer.rows()[1].startswith("path "), what="two lines of it")
    outer.resize(30, 3)
    outer.wait(lambda: outer.rows()[2].startswith("wire: "), what="three lines of it")
    outer.keys("C-u")
    outer.wait(lambda: not [r for r in outer.rows() if r.startswith(("tern:", "path", "wire"))], what="no list")
    outer.line("exit 3")
    assert outer.finish() == 3


def test_other_escape_character_and_none(outer, box):
    inner(outer, "tern --local -e ^b -- inner")
    outer.line("echo ~.")
    outer.wait_row("~.")
    outer.keys("C-b")
    outer.type(".")
    assert outer.finish() == 255
    inner(outer, "tern --local -e none -- inner")
    outer.line("echo q~.")
    outer.wait_row("q~.")
    outer.line("exit 1")
    assert outer.finish() == 1


def test_suspend(outer, box, tmux):
    w = tmux.shell()
    w.line("set -m")
    w.ready()
    inner(w)
    w.line("echo before")
    w.wait_row("before")
    before = w.cells()
    w.type("~")
    w.keys("C-z")
    w.wait_for("Stopped")
    w.ready()
    w.line("fg")
    w.wait(lambda: [r for r in w.rows() if r][-1:] == [INNER], what="the session again")
    w.line("echo after")
    w.wait_row("after")
    assert "before" in w.rows()
    w.line("exit 2")
    assert w.finish() == 2


def test_detach_list_attach_kill(outer, box, tmux):
    inner(outer, "tern --local --name blue -- inner")
    outer.line("echo mark one; tput setaf 3; echo yellow; tput sgr0")
    outer.wait_row("yellow")
    shown = outer.cells()
    outer.type("~d")
    assert outer.finish() == 0
    assert box.session_names() == ["blue"]

    other = tmux.shell()
    inner(other, "tern --attach blue")
    assert screen.difference(tail(shown, "mark one"), tail(other.cells(), "mark one")) is None
    other.line("echo still here")
    other.wait_row("still here")
    other.type("~d")
    assert other.finish() == 0
    p = box.run("tern", "--kill", "blue")
    assert p.returncode == 0, p.stderr
    box.wait_no_server()
    assert box.session_names() == []


def test_who_logs_in_is_told_what_was_left(outer, box):
    for i in range(8):
        inner(outer, f"tern --local --name left{i} -- inner")
        outer.type("~d")
        assert outer.finish() == 0
    inner(outer, "tern --local --name last -- inner")
    outer.line("exit")
    assert outer.finish() == 0
    told = outer.text(history=True).replace("\n", "").rpartition("still here")[2].partition("lists them")[0]
    names = [f"left{i}" for i in range(8)]
    assert set(re.findall(r"left\d", told)) < set(names) and len(re.findall(r"left\d", told)) == 6, told
    assert re.search(r"and ?2 more; ?tern --ls", told), told
    for name in names:
        assert box.run("tern", "--kill", name).returncode == 0
    box.wait_no_server()


def tail(cells, text):
    """The rows from the first that holds text on: what stands above is the outer terminal's."""
    at = next(i for i, row in enumerate(cells) if text in "".join(c for c, _ in row))
    return cells[at:]


def test_unknown_session(outer, box):
    for option in ("--attach", "--kill"):
        outer.start(f"tern {option} nobody")
        assert outer.finish() not in (0, 127)
        assert "nobody" in outer.text().split("\n", 1)[1]


def test_list_without_sessions(box):
    p = box.run("tern", "--ls")
    assert (p.returncode, p.stdout, p.stderr) == (0, "", "no sessions\n")
    assert not box.left()


def test_options_of_ssh_without_a_host(box):
    p = box.run("tern", "-F", "config", "--ls")
    assert p.returncode == 2 and "need a host" in p.stderr and p.stderr.count("\n") == 1


def test_two_sessions(tmux, box):
    a, b = tmux.shell(), tmux.shell()
    inner(a, "tern --local --name aa -- inner")
    inner(b, "tern --local --name bb -- inner")
    a.line("echo only in a")
    a.wait_row("only in a")
    assert "only in a" not in b.text()
    assert sorted(box.session_names()) == ["aa", "bb"]
    a.line("exit 1")
    assert a.finish() == 1
    assert box.session_names() == ["bb"]
    b.line("exit 2")
    assert b.finish() == 2


def test_a_name_is_taken_only_once(tmux, box):
    a, b = tmux.shell(), tmux.shell()
    inner(a, "tern --local --name same -- inner")
    b.start("tern --local --name same -- inner")
    assert b.finish() not in (0, 127)
    assert box.session_names() == ["same"]
    a.line("exit")
    assert a.finish() == 0


def test_two_attachments_show_the_same(tmux, box):
    a, b = tmux.shell(), tmux.shell()
    inner(a, "tern --local --name both -- inner")
    inner(b, "tern --attach both")
    b.line("echo from b")
    a.wait_row("from b")
    b.wait_row("from b")
    a.line("exit 6")
    assert a.finish() == 6
    assert b.finish() == 6


def test_command_ends_while_nobody_is_there(outer, box, tmux):
    """Its last screen and status wait."""
    gate = box.file("gate")
    box.script("job", f"echo working; while [ ! -e {gate} ]; do sleep 0.05; done; echo last words; exit 9")
    outer.start("tern --local --name late -- job")
    outer.wait_row("working")
    outer.type("~d")
    assert outer.finish() == 0
    open(gate, "w").close()
    wait_until(lambda: not procs.named("job"))
    assert box.session_names() == ["late"]
    other = tmux.shell()
    other.start("tern --attach late")
    assert other.finish() == 9
    assert "last words" in other.rows()
    box.wait_no_server()


def test_detach_timeout_ends_the_session(outer, box):
    inner(outer, "tern --local --name short --detach-timeout 1 -- inner")
    outer.type("~d")
    assert outer.finish() == 0
    box.wait_no_server()
    assert box.session_names() == []


# ---- the terminal is restored after every way out ----


@pytest.mark.parametrize("way", ["exit", "quit", "detach", "TERM", "HUP", "INT", "QUIT", "server dies"])
def test_terminal_is_restored(outer, box, way):
    before, stty = outer.modes(), outer.stty()
    inner(outer)
    assert outer.stty() != stty
    # a program that switched everything on
    outer.line(r"printf '\033[?1049h\033[?25l\033[?1003h\033[?1006h\033[?2004h\033[?1h\033=\033[1;41m\033[3;5rX'; cat")
    outer.wait_for("X")
    wait_until(lambda: procs.named("cat"))  # now it has the terminal
    client = next(iter(box.clients()))
    if way == "exit":
        outer.keys("C-c")
        outer.wait_for("^C")
        outer.wait_for(INNER)  # the interrupt throws away what is typed before
        outer.line("exit 3")
    elif way == "quit":
        outer.keys("Enter")
        outer.type("~.")
    elif way == "detach":
        outer.keys("Enter")
        outer.type("~d")
    elif way == "server dies":
        for pid in box.servers():
            os.kill(pid, signal.SIGKILL)
        # Nothing tells the client except silence; the user leaves.
        outer.wait(lambda: "tern:" in outer.text() or outer.modes() == before, 40, "word of it")
        if outer.modes() != before:
            outer.keys("Enter")
            outer.type("~.")
    else:
        os.kill(client, getattr(signal, "SIG" + way))
    outer.wait(lambda: not box.clients(), 30, "the client's end")
    restored(outer, before, stty)
    status = outer.finish()
    assert status == 3 if way == "exit" else status == 0 if way == "detach" else status != 0
    # nothing is drawn in the colours of the session
    outer.line("echo plain")
    outer.wait_row("plain")
    row = next(r for r in outer.cells() if "".join(c for c, _ in r) == "plain")
    assert row == [screen.cell(c, {}) for c in "plain"]
    if way in ("detach", "TERM", "HUP", "INT", "QUIT"):
        [name] = box.session_names()
        assert box.run("tern", "--kill", name).returncode == 0
    box.wait_no_server(30)


def test_lost_terminal(tmux, box):
    """The window is closed: the client ends, the session stays."""
    w = tmux.shell()
    inner(w, "tern --local --name lost -- inner")
    tmux.run("kill-pane", "-t", w.target)
    wait_until(lambda: not box.clients(), what="the client's end")
    assert box.session_names() == ["lost"]
    assert "attached" not in box.sessions()[0]  # it said that it goes
    other = tmux.shell()
    inner(other, "tern --attach lost")
    other.line("exit 8")
    assert other.finish() == 8


def test_kill_9_and_attach_from_another_window(tmux, box):
    w = tmux.shell()
    inner(w, "tern --local --name hard -- inner")
    w.line("tput setab 4; echo blue; tput sgr0; echo '漢字'; seq 1 5")
    w.wait_row("5")
    shown = w.cells()
    [client] = box.clients()
    os.kill(client, signal.SIGKILL)
    wait_until(lambda: not box.clients())
    assert box.session_names() == ["hard"]
    other = tmux.shell()
    inner(other, "tern --attach hard")
    assert screen.difference(tail(shown, "tput"), tail(other.cells(), "tput")) is None
    other.line("exit 5")
    assert other.finish() == 5


def test_what_stood_on_the_screen_is_scrolled_off_not_erased(outer, box):
    outer.line("echo precious; seq 1 5")
    outer.wait_row("5")
    inner(outer)
    outer.line("exit")
    outer.finish()
    history = outer.text(history=True).split("\n")
    assert "precious" in history
    assert history.index("precious") < history.index("5")


# ---- sizes ----


def test_resize(outer, box):
    inner(outer)
    for cols, rows in ((100, 30), (40, 10), (80, 24)):
        outer.resize(cols, rows)
        outer.keys("C-l")
        outer.line("clear; stty size")
        outer.wait_row(f"{rows} {cols}")
    outer.line("exit")
    outer.finish()


def test_size_follows_the_last_typist(tmux, box):
    a, b = tmux.shell(80, 24), tmux.shell(60, 15)
    inner(a, "tern --local --name sizes -- inner")
    inner(b, "tern --attach sizes")
    b.line("clear; stty size")
    b.wait_row("15 60")
    a.line("clear; stty size")
    a.wait_row("24 80")
    a.line("exit")
    assert a.finish() == 0
    b.finish()


def test_control_l_repairs_the_screen(outer, box):
    inner(outer)
    outer.line("echo content")
    outer.wait_row("content")
    with open(outer.tty(), "w") as tty:  # somebody writes over it
        tty.write("\x1b[HGARBAGE ON EVERY\x1b[5;20HPLACE\x1b[20;1H")
    outer.wait_for("GARBAGE")
    outer.keys("C-l")  # bash clears as well; tern must repaint what it thought was there
    outer.wait_gone("GARBAGE")
    outer.wait_gone("PLACE")
    outer.line("exit")
    outer.finish()


def test_one_by_one(tmux, box):
    box.script("job", f"stty size > {box.file('size')}; printf abc; read x; exit 11")
    w = tmux.window(["sh", "-c", f"tern --local -- job; echo $? > {box.file('status')}"], 1, 1)
    wait_until(lambda: os.path.exists(box.file("size")) and open(box.file("size")).read() == "1 1\n")
    w.keys("Enter")
    wait_until(lambda: os.path.exists(box.file("status")) and open(box.file("status")).read() == "11\n",
               what="status 11")


def test_two_thousand_by_one_thousand(tmux, box):
    box.script("job", "stty size; printf '\\033[1000;1990Hcorner'; read x; exit 12")
    w = tmux.shell(2000, 1000)
    w.start("tern --local -- job")
    w.wait(lambda: len(w.rows()) >= 1000 and w.rows()[999].endswith("corner"), 60, "the corner")
    assert "1000 2000" in w.rows()
    assert len(w.rows()[999]) == 1995
    w.keys("Enter")
    assert w.finish(60) == 12


# ---- bad input: one clear line, a status that is not 0, nothing left ----


def one_line(p):
    assert p.returncode not in (0, 127) and p.returncode > 0, (p.returncode, p.stderr)
    lines = p.stderr.strip().split("\n")
    assert len(lines) == 1 and lines[0].startswith("tern: "), p.stderr
    return lines[0]


def test_stdin_is_not_a_terminal(box):
    assert "terminal" in one_line(box.run("tern", "--local"))
    assert not box.left()


def test_unknown_term(tmux, box):
    w = tmux.shell()
    before, stty = w.modes(), w.stty()
    w.start("TERM=no-such-terminal tern --local -- inner 2> $HOME/err")
    assert w.finish() not in (0, 127)
    assert "no-such-terminal" in open(f"{box.home}/err").read()
    restored(w, before, stty)
    assert not box.servers()


@pytest.mark.parametrize("words,hint", [
    (["--bogus"], "--bogus"),
    (["-Q"], "-Q"),
    (["--local", "--transport", "pigeon"], "pigeon"),
    (["--local", "--udp-ports", "70000"], "70000"),
    (["--attach"], "--attach"),
    (["--attach", "a/b"], "a/b"),
])
def test_bad_options(box, words, hint):
    line = one_line(box.run("tern", *words))
    assert hint in line


def test_no_arguments(box):
    p = box.run("tern")
    assert p.returncode not in (0, 127) and p.stderr.startswith(("tern:", "usage:"))


@pytest.mark.parametrize("text,hint", [
    ("NoSuchKeyword yes\n", "NoSuchKeyword"),
    ("\n# fine\nEscapeChar toolong\n", "EscapeChar"),
    ("UdpPorts 9:1\n", "UdpPorts"),
])
def test_bad_configuration(tmux, box, text, hint):
    box.config(text)
    w = tmux.shell()
    w.start("tern --local -- inner 2> $HOME/err")
    assert w.finish() not in (0, 127)
    err = open(f"{box.home}/err").read().strip()
    assert len(err.split("\n")) == 1 and hint in err and "config" in err


def test_configuration_is_used(tmux, box):
    box.config("# comment\nEscapeChar ^b\nSessionName fromfile\n")
    w = tmux.shell()
    inner(w)
    assert box.session_names() == ["fromfile"]
    w.keys("C-b")
    w.type(".")
    assert w.finish() == 255


def test_version_and_help(box):
    for program in ("tern", "tern-server"):
        p = box.run(program, "--version")
        assert p.returncode == 0 and re.match(program + r" \d+\.\d+.*\nUnicode \d+\.", p.stdout) and not p.stderr
        p = box.run(program, "--help")
        assert p.returncode == 0 and not p.stderr
        assert all(len(line) <= 80 for line in p.stdout.splitlines())


def test_server_command_that_fails(tmux, box):
    w = tmux.shell()
    before, stty = w.modes(), w.stty()
    for command in ("false", "no-such-server-here", "echo hello", "echo TERN garbage line"):
        w.line("clear")
        w.start(f"tern --local --server='{command}' -- inner 2> $HOME/err")
        assert w.finish(30) not in (0, 127), command
        err = open(f"{box.home}/err").read().strip()
        assert "tern: " in err, (command, err)
    restored(w, before, stty)


def test_complaints_of_the_server_command(tmux, box):
    """Before the session they are shown; once it has the terminal they may not spoil it."""
    gate = box.file("gate")
    box.script("srv", f'echo early words >&2; (while [ ! -e {gate} ]; do sleep 0.05; done; echo late words >&2; '
               f'touch {gate}.done) & exec tern-server "$@"')
    w = tmux.shell()
    inner(w, "tern --local --server=srv -- inner")
    assert "early words" in w.text(history=True)
    open(gate, "w").close()
    wait_until(lambda: os.path.exists(gate + ".done"))
    w.line("echo after that")
    w.wait_row("after that")
    assert "late words" not in w.text(history=True)
    w.line("exit 4")
    assert w.finish() == 4
    w.line("clear")
    w.start("tern --local --server='echo my reasons >&2; exit 3'")
    assert w.finish() not in (0, 127)
    said = [r for r in w.rows() if r]
    assert "my reasons" in said and said.index("my reasons") < [r.startswith("tern: ") for r in said].index(True)


def test_udp_ports_exhausted(tmux, box):
    busy = []
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((host, busy[0].getsockname()[1] if busy else 0))
        busy.append(s)
    port = busy[0].getsockname()[1]
    w = tmux.shell()
    w.start(f"tern --local --transport udp --udp-ports {port} -- inner 2> $HOME/err")
    assert w.finish(30) not in (0, 127)
    err = open(f"{box.home}/err").read().strip()
    assert str(port) in err and len(err.split("\n")) == 1
    # with a pipe to go on, the session comes up all the same
    inner(w, f"tern --local --udp-ports {port} -- inner")
    w.line("exit 2")
    assert w.finish() == 2
    for s in busy:
        s.close()


def test_pipe_only(tmux, box):
    w = tmux.shell()
    inner(w, "tern --local --transport pipe -- inner")
    w.line("echo by pipe")
    w.wait_row("by pipe")
    w.line("exit 3")
    assert w.finish() == 3


def test_log_files_hold_nothing_typed_or_printed(tmux, box):
    w = tmux.shell()
    logs = box.file("client.log"), box.file("server.log")
    inner(w, f"tern --local --log {logs[0]} --server-log {logs[1]} -- inner")
    w.line("echo xyz''zy")
    w.wait_row("xyzzy")
    w.line("exit")
    assert w.finish() == 0
    for log in logs:
        text = open(log).read()
        assert text.strip()
        assert "xyz" not in text


# ---- nothing is left behind ----


@pytest.mark.slow
def test_server_that_nobody_joins_ends(tmux, box):
    """It started, but its connect line never reached a client: shell and all are gone after 60 s."""
    box.script("srv", 'tern-server "$@" > /dev/null')
    w = tmux.shell()
    before = procs.named("bash")
    w.start("tern --local --connect-timeout 2 --server=srv -- inner")
    assert w.finish(20) not in (0, 127)
    if box.servers():  # the end of its pipe may tell it at once
        box.wait_no_server(70)
    assert procs.named("bash") == before


def test_server_without_start_record_ends(box):
    """Started as ssh would, but its stdin is closed before a word."""
    p = subprocess.Popen([os.path.join(box.build, "tern-server")], env=box.env, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    box.on_close(p.wait)
    p.stdin.close()
    wait_until(lambda: p.poll() is not None, 10, "the server's end")
    box.wait_no_server()


def test_tern_leads_the_session_of_its_terminal(tmux, box):
    """Its end hangs up on everything there, but not on the acknowledgement of the session's end."""
    for i in range(40):
        w = tmux.window(["tern", "--local", "--name", f"n{i}", "--", "true"])
        wait_until(lambda: w.ask("#{pane_dead}") == "1", what="the end", show=w.text)
    box.wait_no_server()
