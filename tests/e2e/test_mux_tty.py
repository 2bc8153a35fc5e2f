"""Terminals through a shared connection: stock `ssh -S path -t` and a second tern get the screen, scrollback,
prediction and roaming of tern, because the owner of the connection draws on the terminal that is passed to it."""
import os
import re
import signal
import termios

import pytest

from lib import procs
from lib.sshd import PROMPT
from lib.wait import stays, wait_until

from test_mux import Shared, shared  # noqa: F401 (a fixture)

CLOSED = "Shared connection to 127.0.0.1 closed."


def left(box):
    return [words[0] for words in box.sessions() if words[3] == "detached"]


def kill_all(box):
    for name in box.session_names():
        assert box.run("tern", "--kill", name).returncode == 0


@pytest.mark.parametrize("client", ["ssh-s", "tern-s"])
def test_a_shell(shared, outer, box, client):
    box.script("tern-s", f'exec tern-f -S {shared.path} "$@"')
    shared.own()
    outer.enter(f"{client} far", PROMPT)
    outer.line("stty size; echo $TERM $((6*7)); shopt login_shell; [ $SSH_TTY = $(tty) ] && echo same")
    outer.wait_row("same")
    assert {"24 80", "xterm-256color 42"} <= set(outer.rows()) and re.search(r"login_shell\s+on", outer.text())
    outer.resize(100, 30)
    outer.line("stty size")
    outer.wait_row("30 100")
    outer.resize(80, 24)
    outer.line("stty size; :")
    outer.wait(lambda: outer.rows().count("24 80") == 2, what="the first size again")
    outer.line("exit 7")
    assert outer.finish() == 7
    if client == "ssh-s":
        assert CLOSED in outer.rows()
    assert shared.logins() == 1
    shared.exit()


def test_commands_with_a_terminal(shared, outer):
    shared.own()
    for command, status in (("tty; exit 3", 3), ("kill -9 $$", 255)):
        outer.clear()
        outer.start(f"ssh-s -t far '{command}'")
        assert outer.finish() == status
    assert "tern: the command was killed by signal 9 (KILL)" in outer.rows()
    shared.exit()


def test_scrollback_is_the_terminals_own(shared, outer):
    shared.own()
    outer.enter("ssh-s far", PROMPT)
    outer.line("seq 5000")
    outer.wait_row("5000", 30)
    outer.line("exit")
    assert outer.finish(40) == 0
    numbers = [int(r) for r in outer.text(history=True).split("\n") if r.isdigit()]
    assert numbers == list(range(1, 5001))
    shared.exit()


def test_escapes(shared, outer, box):
    shared.own()
    outer.enter("ssh-s far", PROMPT)
    outer.keys("Enter", "~", "C-z")
    outer.wait_for("a shared connection cannot be suspended")
    outer.keys("Enter", "~", "?")
    outer.wait_for("~.")
    outer.keys("Enter", "~", "d")
    assert outer.finish() == 0
    (name,) = left(box)
    outer.wait_for(f"tern: detached; tern --attach {name} far comes back")
    outer.clear()
    outer.enter("ssh-s far", PROMPT)
    outer.keys("Enter", "~", ".")
    assert outer.finish() == 255
    outer.wait_for("tern: the session was ended")
    outer.clear()
    outer.enter("ssh-s -e ^B far", PROMPT)
    outer.type("echo ~.\n")
    outer.wait_row("~.")
    outer.keys("Enter", "C-b", ".")
    assert outer.finish() == 255
    kill_all(box)
    shared.exit()


def draw(w):
    """The alternate screen, a mouse, no cursor."""
    w.line("printf '\\033[?1049h\\033[?1003h\\033[?25lalternate'")
    w.wait(lambda: w.modes()["alternate_on"] == "1", what="the alternate screen")


def test_a_killed_client_detaches(shared, outer, box):
    """The owner undoes what it drew; the modes of the terminal are the shell's to put back."""
    shared.own()
    outer.enter("ssh-s far", PROMPT)
    draw(outer)
    os.kill(next(p for p in procs.named("ssh") if f"-S {shared.path} far" in procs.command_line(p)), signal.SIGKILL)
    outer.wait(lambda: outer.modes()["alternate_on"] == "0", what="the main screen")
    outer.keys("Enter")  # its first prompt may have come to the other screen
    assert outer.finish() == 128 + signal.SIGKILL
    wait_until(lambda: len(left(box)) == 1, 10, "one detached session")
    kill_all(box)
    shared.exit()


def test_a_crash_of_the_owner(shared, outer, box):
    """The fixture looks: every mode is as it was."""
    shared.own()
    other = box.tmux.shell()
    for w in (outer, other):
        w.enter("ssh-s far", PROMPT)
        draw(w)
    os.kill(shared.pid(), signal.SIGSEGV)
    for w in (outer, other):
        assert w.finish() == 255
        assert w.modes()["mouse_any_flag"] == "0"
    os.unlink(shared.path)
    assert len(box.session_names()) == 2
    for pid in box.servers():  # which waits a minute for the owner
        os.kill(pid, signal.SIGTERM)


def test_a_stopped_terminal_keeps_nobody(shared, outer, box):
    """Stopped from outside: ^S is a key in raw mode."""
    shared.own()
    other = box.tmux.shell()
    for w in (outer, other):
        w.enter("ssh-s far", PROMPT)
    tty = os.open(outer.tty(), os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(tty, termios.TCOOFF)
    outer.line("seq 100000; exit 4")
    other.line("echo goes $((6*7))")
    other.wait_row("goes 42", 5)
    assert shared.ssh("far", "exit 6")[0] == 6
    other.line("exit 5")
    assert other.finish() == 5
    termios.tcflow(tty, termios.TCOON)
    os.close(tty)
    assert outer.finish(60) == 4
    assert "100000" in outer.rows()
    shared.exit()


def test_one_server_and_one_port_for_all(shared, outer, box):
    shared.own()
    others = [box.tmux.shell() for _ in range(4)]
    for w in (outer, *others):
        w.enter("ssh-s far", PROMPT)
    assert len(box.servers()) == 1 and shared.logins() == 1
    for i, w in enumerate((outer, *others)):
        w.line(f"exit {i}")
    for i, w in enumerate((outer, *others)):
        assert w.finish() == i
    shared.exit()


def test_the_owner_is_told_to_exit(shared, outer, box):
    """-O exit: clients end with 255, as with a stock owner; the session stays, detached."""
    shared.own()
    outer.enter("ssh-s far", PROMPT)
    draw(outer)
    shared.exit()
    assert outer.finish() == 255
    assert len(box.session_names()) == 1
    kill_all(box)


def test_without_udp_the_master_carries_a_pipe(shared, outer):
    shared.own("--transport=pipe")
    outer.enter("ssh-s far", PROMPT, 40)
    outer.line("echo $((6*7))")
    outer.wait_row("42")
    outer.keys("Enter", "~", "#")
    outer.wait_for("path pipe")
    outer.line("exit 3")
    assert outer.finish() == 3
    assert shared.logins() == 1  # a session of the bootstrap's master
    shared.exit()


# ---- a network ----


@pytest.fixture
def far(box, netlab, hosts):
    host = hosts("far", address=netlab.SERVER4, enter=netlab.enter("s"), port=2200)
    s = Shared(box, host, netlab.enter("c"))
    yield s
    netlab.do("up", "rtt 20")
    if os.path.exists(s.path):
        s.ssh("-O", "exit", "far")
    box.wait_no_server(60)


def test_roaming_and_an_outage(far, box, netlab):
    far.own()
    w = box.tmux.shell()
    w.enter("ssh-s far", PROMPT)
    netlab.do("addr 10.77.0.55")
    w.line("echo roamed $((6*7))")
    w.wait_row("roamed 42", 10)
    w.line("sleep 2; echo printed in the dark")
    netlab.do("down")
    w.wait_for("tern: Last contact", 20)
    w.type("echo typed in the dark\n")
    stays(lambda: "tern: Last" in w.rows()[0], 4)
    netlab.do("up")
    w.wait_row("printed in the dark", 10)
    w.wait_row("typed in the dark", 10)
    w.line("exit 2")
    assert w.finish() == 2
    far.exit()


def test_prediction(far, box, netlab):
    netlab.do("rtt 200")
    far.own("--predict=always")
    w = box.tmux.shell()
    w.enter("ssh-s far", PROMPT, 40)
    w.line("echo $((6*7))")
    w.wait_row("42", 20)
    w.wait_prompt(PROMPT, 20)
    w.settled()
    netlab.do("down")
    w.type("echo guessed")
    w.wait(lambda: [r for r in w.rows() if r][-1] == f"{PROMPT} echo guessed", 5, "what nobody echoed")
    netlab.do("up")
    w.keys("Enter")
    w.wait_row("guessed", 20)
    w.line("exit 2")
    assert w.finish(20) == 2
    far.exit()
