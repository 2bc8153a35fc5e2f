"""Many sessions by one login: an owner of a connection opens them on terminals that are not its own
(tools/guests), on one tern-server process and one UDP port."""
import itertools
import os
import re
import shlex
import subprocess
import termios
import threading
import time

import pytest

from lib import procs
from lib.wait import wait_until

PROMPT = "inner$"


class Owner:
    """tools/guests, and what it said."""

    def __init__(self, box, server, mode="auto", before=()):
        self.box = box
        self.said = []
        self.ids = itertools.count(1)
        self.proc = subprocess.Popen([*before, os.path.join(box.build, "tools", "guests"), server, mode],
                                     env={**box.env, "TERM": "tmux-256color", "TMUX": "passed", "COLORTERM": "truecolor",
                                          "GUESTS_LOG": box.logs[0], "GUESTS_SERVER_LOG": box.logs[1]},
                                     cwd=box.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     start_new_session=True)
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait("ready")

    def listen(self):
        for line in self.proc.stdout:
            self.said.append(line.rstrip("\n"))

    def wait(self, line, timeout=20):
        wait_until(lambda: line in self.said, timeout, f"{line!r} of the owner", lambda: f"{self.said}")

    def say(self, line):
        self.proc.stdin.write(line + "\n")
        self.proc.stdin.flush()

    def open(self, tmux, what="inner", verb="open", cols=80, rows=24):
        return Guest(self, tmux, what, verb, cols, rows)

    def close(self):
        if self.proc.poll() is None:
            self.proc.stdin.close()
        self.proc.wait(20)


class Guest:
    """A window whose terminal is passed, raw, and the session on it."""

    def __init__(self, owner, tmux, what, verb, cols, rows):
        self.owner, self.id = owner, f"g{next(owner.ids)}"
        self.w = tmux.window(["sh", "-c", "stty raw -echo; printf passed; exec sleep 100000"], cols, rows)
        self.w.wait_for("passed")
        self.count = itertools.count(1)
        owner.say(f"{verb} {self.id} {self.w.tty()} {what}")

    def ready(self, timeout=20, prompt=PROMPT):
        self.w.wait(lambda: [r for r in self.w.rows() if r][-1:] == [prompt], timeout, f"the prompt of {self.id}")
        return self

    def echo(self, timeout=20):
        n = next(self.count)
        self.w.line(f"echo mark-{self.id}-{n}-$((6*7))")
        self.w.wait_row(f"mark-{self.id}-{n}-42", timeout)

    def over(self, status, signal=0, timeout=20):
        self.owner.wait(f"{self.id} over {status} {signal}", timeout)
        self.owner.wait(f"{self.id} gone", timeout)


@pytest.fixture
def owner(box):
    made = []

    def make(*words, **more):
        made.append(Owner(box, *words, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def server_of(box):
    (pid,) = box.servers()
    return pid


def udp_ports(pid):
    """Local ports of its UDP sockets."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            got = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        if got:
            inodes.add(got[1])
    ports = []
    for table in ("udp", "udp6"):
        with open(f"/proc/{pid}/net/{table}") as f:
            for line in list(f)[1:]:
                fields = line.split()
                if fields[9] in inodes:
                    ports.append(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def dirty(pid):
    """kB of memory of its own."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_Dirty"))


def test_two_at_once_on_one_server(box, tmux, owner):
    o = owner("exec tern-server")
    one, two = o.open(tmux), o.open(tmux, cols=100, rows=30)
    one.ready(), two.ready()
    one.echo(), two.echo()
    two.w.line("stty size")
    two.w.wait_row("30 100")
    assert "mark-g2" not in one.w.text(True) and "mark-g1" not in two.w.text(True)
    pid = server_of(box)
    ports = udp_ports(pid)
    assert len(set(ports)) == 1 and len(ports) <= 2, ports  # one for each family
    two.w.resize(90, 20)
    o.say("look")
    two.w.line("stty size")
    two.w.wait_row("20 90")
    one.w.line("exit 7")
    one.over(7)
    two.echo()
    two.w.line("kill -9 $$")
    two.over(255, 9)
    two.w.wait_for("tern: the command was killed by signal 9 (KILL)")
    assert server_of(box) == pid


def test_the_first_link_ends_and_the_others_go_on(box, tmux, owner):
    """Sessions and links are many to many: what was asked for lives by itself, and attaches elsewhere."""
    o = owner("exec tern-server")
    one, two = o.open(tmux).ready(), o.open(tmux).ready()
    o.say("end")
    o.wait("ended")
    one.echo()
    o.say(f"leave {one.id}")
    one.over(0)
    two.echo()
    (left,) = [words[0] for words in box.sessions() if words[3] == "detached"]
    three = tmux.shell()
    three.enter(f"tern --local --attach {left}", PROMPT)
    three.line("exit 5")
    assert three.finish() == 5
    two.w.line("exit")
    two.over(0)
    box.wait_no_server()


def test_twenty_at_once(box, tmux, owner):
    o = owner("exec tern-server")
    guests = [o.open(tmux) for _ in range(20)]
    for g in guests:
        g.ready(60)
    for g in guests:
        g.echo()
    pid = server_of(box)
    assert len(set(udp_ports(pid))) == 1
    # A session takes a few hundred kB on each side, and nothing when it is over, whatever it printed.
    assert dirty(o.proc.pid) < 16000 and dirty(pid) < 16000
    for g in guests:
        g.w.line("seq 20000; echo printed-$((6*7))")
    for g in guests:
        g.w.wait_row("printed-42", 60)
        g.w.line(f"exit {g.id[1:]}")
    for g in guests:
        g.over(int(g.id[1:]), timeout=60)
    assert not box.session_names()
    assert dirty(o.proc.pid) < 6000 and dirty(pid) < 6000


def test_what_is_refused(box, tmux, owner):
    o = owner("exec tern-server")
    none = o.open(tmux, "nobody", verb="attach")
    o.wait(f"{none.id} refused no session named nobody runs in this server")
    one = o.open(tmux).ready()
    (name,) = box.session_names()
    again = o.open(tmux, name, verb="attach").ready()
    again.w.line("echo $((6*7))=")
    one.w.wait_row("42=")
    again.w.keys("Enter", "~", "d")
    again.over(0)
    again.w.wait_for(f"tern: detached; tern --attach {name} comes back")
    one.w.keys("Enter", "~", "C-z")
    one.w.wait_for("a shared connection cannot be suspended")
    one.echo()
    one.w.keys("Enter", "~", ".")
    one.over(255)
    one.w.wait_for("tern: the session was ended")


def test_a_crash_restores_every_terminal(box, tmux, owner):
    o = owner("exec tern-server")
    guests = [o.open(tmux).ready() for _ in range(3)]
    for g in guests:
        g.w.line("printf '\\033[?1049h\\033[?1003h\\033[?25lalternate'")
        g.w.wait(lambda g=g: g.w.modes()["alternate_on"] == "1", what="the alternate screen")
    o.say("crash")
    for g in guests:
        g.w.wait(lambda g=g: (g.w.modes()["alternate_on"], g.w.modes()["mouse_any_flag"], g.w.modes()["cursor_flag"])
                 == ("0", "0", "1"), what="the modes as before")
    for name in box.session_names():
        box.run("tern", "--kill", name)
    for pid in box.servers():
        os.kill(pid, 15)


def test_a_stopped_terminal_keeps_nobody(box, tmux, owner):
    """^S on one: the others go on, and its own session waits for it alone."""
    o = owner("exec tern-server")
    one, two = o.open(tmux).ready(), o.open(tmux).ready()
    tty = os.open(one.w.tty(), os.O_RDWR | os.O_NOCTTY)
    try:
        termios.tcflow(tty, termios.TCOOFF)
        one.w.line("seq 100000; exit 4")
        for _ in range(5):
            two.echo(5)
        assert f"{one.id} over 4 0" not in o.said
        two.w.line("exit 3")
        two.over(3)
        termios.tcflow(tty, termios.TCOON)
        one.over(4, timeout=60)
        one.w.wait_for("100000")
    finally:
        os.close(tty)


def test_a_terminal_that_goes_away(box, tmux, owner):
    """A closed window: its session stays, detached; the others do not notice."""
    o = owner("exec tern-server")
    one, two = o.open(tmux).ready(), o.open(tmux).ready()
    tmux.run("kill-pane", "-t", one.w.target)
    one.over(0)
    two.echo()
    assert sorted(words[3] for words in box.sessions()) == ["attached", "detached"]
    two.w.line("exit")
    two.over(0)
    (name,) = box.session_names()
    box.run("tern", "--kill", name)


# ---- a network between them ----


def far_owner(box, netlab, owner, mode="auto"):
    server = shlex.join([*netlab.enter("s"), os.path.join(box.build, "tern-server")])
    box.script("srv", f'exec {server} "$@"')
    return owner("exec srv", mode, before=netlab.enter("c"))


def udp(netlab):
    return min(netlab.stats(way)["out_packets"] for way in ("p0.c2s", "p0.s2c"))


def test_all_of_them_roam(box, tmux, netlab, owner):
    o = far_owner(box, netlab, owner)
    guests = [o.open(tmux).ready() for _ in range(3)]
    assert len(set(udp_ports(server_of(box)))) == 1
    for change in ("addr 10.77.0.55", "natport 1000", "addr 10.77.9.9", "natport 0"):
        netlab.do(change)
        for g in guests:
            g.echo(10)
    netlab.do("reset")
    for g in guests:
        g.w.line("exit")
        g.over(0)
    assert udp(netlab) > 5


def test_outage_of_ten_seconds(box, tmux, netlab, owner):
    """The bar of each counts; afterwards both are right at once. Another session can be asked for meanwhile."""
    o = far_owner(box, netlab, owner, "udp")
    guests = [o.open(tmux).ready() for _ in range(2)]
    for g in guests:
        g.w.line("sleep 3; echo printed in the dark")
        g.w.wait(lambda g=g: any("sleep 3" in r for r in g.w.rows()))
    netlab.do("down")
    began = time.monotonic()
    for g in guests:
        g.w.type("echo typed in the d")
        g.w.wait_for("tern: Last contact", 20)
        g.w.type("ark")
    late = o.open(tmux)
    wait_until(lambda: time.monotonic() - began > 10, 15)
    assert f"{late.id} opened" not in o.said
    netlab.do("up")
    back = time.monotonic()
    for g in guests:
        g.w.wait_row("printed in the dark", 10)
    took = time.monotonic() - back
    assert took < 4.5, f"{took:.2f} s until the screens were right again"
    for g in guests:
        g.w.keys("Enter")
        g.w.wait_row("typed in the dark", 10)
    late.ready().echo()
    for g in [*guests, late]:
        g.w.line("exit")
        g.over(0)


def test_without_udp_each_has_a_pipe(box, tmux, netlab, owner):
    netlab.do("down")
    o = far_owner(box, netlab, owner)
    guests = [o.open(tmux).ready() for _ in range(2)]
    for g in guests:
        g.echo()
    assert netlab.stats("p0.c2s")["out_packets"] == 0
    for g in guests:
        g.w.line("exit 2")
        g.over(2)


def test_a_pipe_is_made_when_udp_dies(box, tmux, netlab, owner):
    o = far_owner(box, netlab, owner)
    g = o.open(tmux).ready()
    before = len(procs.named("tern-server"))
    netlab.do("down")
    g.echo(30)
    assert len(procs.named("tern-server")) == before + 1  # the relay
    netlab.do("up")
    g.echo()
    g.w.line("exit 2")
    g.over(2)


# ---- logins ----


def test_a_login_through_ssh(box, tmux, owner, hosts):
    """What a session finds that needed no login of its own: what the login gave."""
    host = hosts()
    host.file("/etc/motd", "Welcome to the far side\n")
    o = owner("exec ssh -F $F far tern-server")
    one, two = o.open(tmux, ""), o.open(tmux, "")
    for g in (one, two):
        g.w.wait_for("Welcome to the far side")
        g.ready(prompt="far$")
        g.w.line('echo "${SSH_CONNECTION%% *} $TERM $([ "$SSH_TTY" = "$(tty)" ] && echo tty) $0"')
        g.w.wait_row("127.0.0.1 xterm-256color tty -bash")
        g.w.line("exit 3")
        g.over(3)


def test_a_forced_command_holds(box, tmux, owner, hosts):
    """Every session is that of the login: its command, and no way to others."""
    other = box.tmux.shell()
    host = hosts(config="ForceCommand tern-server -- menu")
    host.script("menu", "echo the menu; echo asked for $SSH_ORIGINAL_COMMAND; read -r _; exit 6")
    other.enter("tern --local --name mine -- inner", PROMPT)
    o = owner("exec ssh -F $F far tern-server")
    one = o.open(tmux, "inner")
    one.w.wait_row("asked for inner")
    one.w.wait_row("the menu")
    (name,) = [n for n in box.session_names() if n != "mine"]
    for wish in ("mine", name):
        g = o.open(tmux, wish, verb="attach")
        o.wait(f"{g.id} refused this login has a forced command and may not attach to sessions")
    one.w.keys("Enter")
    one.over(6)
    other.line("exit")
    assert other.finish() == 0
