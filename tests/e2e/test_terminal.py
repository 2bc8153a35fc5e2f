"""The user's own terminal: what it is asked, what it is told, what comes out of a session beside the
screen. The terminal is played on a pty (lib/ptyterm.py), because none that speaks the newer
protocols, or that misbehaves, can be installed here; test_terminal_xterm.py has a real one."""
import base64
import os
import re
import shlex
import signal
import time

import pytest

from lib import procs
from lib.ptyterm import DA1, KITTY
from lib.wait import wait_until

READY = "inner$"

# Writes what its terminal gives it to a file, up to a "Q".
RECORD = """import os, sys, termios, tty
tty.setraw(0, termios.TCSANOW)
os.write(1, b"RECORDING")
got = b""
while not got.endswith(b"Q"):
    got += os.read(0, 4096)
open(sys.argv[1], "wb").write(got)
"""

# Asks its terminal, up to the answer of DA1.
ASK = r"""import os, re, sys, termios, tty
old = termios.tcgetattr(0)
tty.setraw(0, termios.TCSANOW)
os.write(1, eval("b'" + sys.argv[1] + "'") + b"\x1b[c")
got = b""
while not re.search(rb"\x1b\[\?[0-9;]*c", got):
    got += os.read(0, 4096)
termios.tcsetattr(0, termios.TCSADRAIN, old)
open(sys.argv[2], "wb").write(re.sub(rb"\x1b\[\?[0-9;]*c", b"", got))
os.write(1, b"ASKED\n")
"""


@pytest.fixture
def programs(box):
    for name, text in (("record", RECORD), ("ask", ASK)):
        box.script(name, text, "/usr/bin/python3")
    return box


def file_of(box, name):
    path = os.path.join(box.home, name)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path), 15, f"the file {name}")
    with open(path, "rb") as f:
        return f.read()


def session(terms, *words, **more):
    t = terms(["tern", "--local", *words, "--", "inner"], **more)
    t.wait_for(READY)
    return t


def leave(t):
    t.type("\r~.")
    t.wait_end()


# ---- questions

@pytest.mark.parametrize("how", ["answers", "late", "silent", "garbage", "fence only"])
def test_answers_never_reach_the_program(programs, terms, how):
    """Whatever the terminal does with the questions, the program gets what was typed."""
    garbage = {DA1: b"\x1b]11;rgb:zz\x07\x1b[?9999999999;1;;$y\x1b]4;" + b"7" * 2000 + b"\x1b\\"
                    b"\x1bP>|" + b"x" * 5000 + b"\x1b\\\x1b[?62c"}
    answers = {"silent": {}, "garbage": garbage, "fence only": {DA1: b"\x1b[?1;2c"}}.get(how, KITTY)
    t = terms(["tern", "--local", "--", "record", f"{programs.home}/got"], answers,
              delay=0.9 if how == "late" else 0.0)
    typed = [b"ab", b"\x1b[A", b"\xc3\xa4", b"c"]
    for piece in typed:
        t.type(piece)
        time.sleep(0.1)
    t.wait_for("RECORDING")
    wait_until(lambda: not t.owes(), 15, "the last answers")
    t.type("Q")
    assert file_of(programs, "got") == b"".join(typed) + b"Q"
    assert t.wait_end() == 0
    assert b"rgb:" not in t.bytes.replace(b"rgb:%", b"")  # nor were they echoed


def test_a_short_command_leaves_no_answers_behind(box, terms):
    """The terminal still answers when the command is over: the shell does not get it."""
    box.script("outer", f"tern --local -- true; exec record {box.home}/got")
    box.script("record", RECORD, "/usr/bin/python3")
    t = terms(["outer"], KITTY, delay=0.2)
    t.wait_for("RECORDING", 20)
    t.type("Q")
    assert file_of(box, "got") == b"Q"


def test_no_questions_to_a_simple_terminal(box, terms):
    """Who might print them is asked nothing that it does not know."""
    env = dict(box.env)
    box.env["TERM"] = "linux"
    t = session(terms)
    box.env.update(env)
    assert b"\x1b[c" in t.bytes and b"\x1b]11" not in t.bytes and b"$p" not in t.bytes
    leave(t)


def test_programs_get_true_answers(programs, terms):
    t = session(terms)
    t.type(f"ask '\\x1b]11;?\\x1b\\\\\\\\\\x1b]4;7;?\\x1b\\\\\\\\\\x1b[?u' {programs.home}/a\r")
    t.wait_for("ASKED")
    got = file_of(programs, "a")
    assert b"]11;rgb:1212/3434/5656" in got
    assert b"]4;7;rgb:0707/0000/0000" in got
    assert b"\x1b[?0u" in got
    leave(t)


@pytest.mark.parametrize("able", [True, False])
def test_programs_are_told_what_the_terminal_can(programs, terms, able):
    """Each thing that it was asked for, of a terminal that has it and of one that has not."""
    t = session(terms, answers=KITTY if able else {DA1: b"\x1b[?1;2c"})
    if able:
        t.wait_for("\x1b[?2031h")
    asked = "".join(rf"\x1b]{n};?\x1b\\" for n in (10, 11, 12)) + r"\x1b[16t\x1b[14t\x1b[?u\x1b[?2027$p\x1b[?2031$p"
    t.type(f"ask '{asked}' {programs.home}/a\r")
    t.wait_for("ASKED")
    got = file_of(programs, "a") if able else open(f"{programs.home}/a", "rb").read()
    for has, has_not in ((b"]10;rgb:dddd/dddd/dddd", b"]10"), (b"]11;rgb:1212/3434/5656", b"]11"),
                         (b"]12;rgb:ffff/0000/ffff", b"]12"), (b"\x1b[6;20;10t", b"\x1b[6;"),
                         (b"\x1b[4;480;800t", b"\x1b[4;"), (b"\x1b[?0u", b"u")):
        assert (has in got) if able else (has_not not in got), got
    for mode in (b"2027", b"2031"):
        assert b"\x1b[?%s;%d$y" % (mode, 2 if able else 0) in got, got
    leave(t)


def test_an_answer_waits_for_the_facts(programs, terms):
    """A program that asks at its very start, before the client could ask its terminal."""
    programs.script("asks", f"exec ask '\\x1b]11;?\\x1b\\\\' {programs.home}/a")
    t = terms(["tern", "--local", "--", "asks"], KITTY, delay=0.1)
    t.wait_for("ASKED")
    assert b"]11;rgb:1212/3434/5656" in file_of(programs, "a")
    t.wait_end()


def test_dark_becomes_light(programs, terms):
    t = session(terms)
    light = dict(KITTY)
    light[b"\x1b]11;?\x1b\\"] = b"\x1b]11;rgb:ffff/ffff/eeee\x1b\\"
    t.wait_for("\x1b[?2031h")
    t.answers = light
    t.type("\x1b[?997;2n")
    t.cut()
    t.type(f"sleep 0.5; ask '\\x1b]11;?\\x1b\\\\\\\\' {programs.home}/a\r")
    t.wait_for("ASKED")
    assert b"]11;rgb:ffff/ffff/eeee" in file_of(programs, "a")
    leave(t)
    assert b"\x1b[?2031l" in t.bytes


# ---- modes and keys

def test_kitty_flags_pass_and_are_undone(box, terms):
    t = session(terms)
    t.cut()
    t.type("printf '\\033[>5u'; echo on\r")
    t.wait_for("\x1b[>5u")
    t.cut()
    t.type("printf '\\033[=1;1u'; echo other\r")
    t.wait_for("\x1b[=1;1u")
    # ~. as a terminal with these flags sends it, releases among them.
    t.cut()
    t.type("\x1b[13u\x1b[13;1:3u\x1b[96:126;2u\x1b[96:126;2:3u\x1b[46u")
    assert t.wait_end() == 255
    assert t.new().count(b"\x1b[<u") == 1


def test_modify_other_keys(box, terms):
    answers = {**KITTY, b"\x1b[?4m": b"\x1b[>4;0m"}
    t = session(terms, answers=answers)
    t.cut()
    t.type("printf '\\033[>4;2m'; echo on\r")
    t.wait_for("\x1b[>4;2m")
    t.type("\r\x1b[27;2;126~.")
    assert t.wait_end() == 255
    assert b"\x1b[>4m" in t.new()


def test_what_the_terminal_lacks_is_not_told(box, terms):
    t = session(terms, answers={DA1: b"\x1b[?1;2c"})
    t.cut()
    t.type("printf '\\033[>1u\\033[>4;2m\\033[?2031h\\033[?1016h\\033[?2026h'; echo o''n\r")
    t.wait_for("on")
    leave(t)
    for sequence in (b"\x1b[>1u", b"\x1b[>4;2m", b"\x1b[?2031h", b"\x1b[?1016h", b"\x1b[?2026h", b"\x1b[<u"):
        assert sequence not in t.new()


def test_escape_is_text_in_a_paste(programs, terms):
    t = terms(["tern", "--local", "--", "record", f"{programs.home}/got"])
    t.wait_for("RECORDING")
    text = b"\x1b[200~\r~.\r\x1b[126;2u.\r\x1b[?0u\x1b[201~"
    t.type(text + b"Q")
    assert file_of(programs, "got") == text + b"Q"
    t.wait_end()


def test_a_crash_undoes_modes(box, terms):
    t = session(terms)
    t.type("printf '\\033[>1u'; echo on\r")
    t.wait_for("\x1b[>1u")
    t.cut()
    os.kill(t.pid, signal.SIGSEGV)
    assert t.wait_end() == -signal.SIGSEGV
    assert b"\x1b[<u" in t.new() and b"\x1b[?2031l" in t.new()
    t = terms(["tern", "--local", "--attach", box.session_names()[0]])
    t.wait_for(READY)
    leave(t)


def test_suspended_the_shell_has_a_clean_terminal(box, terms):
    t = terms(["bash", "--norc", "--noprofile", "-i"])
    t.type("PS1='out''er$ '\r")
    t.wait_for("outer$")
    t.cut()
    t.type("tern --local -- inner\r")
    t.wait_for(READY)
    t.type("printf '\\033[>1u'; echo on\r")
    t.wait_for("\x1b[>1u")
    t.cut()
    t.type("\r\x1b[96:126;2u\x1b[122;5u")  # ~^Z
    t.wait_for("outer$")
    assert b"\x1b[<u" in t.new() and b"\x1b[?2031l" in t.new()
    t.cut()
    t.type("fg\r")
    t.wait_for("\x1b[>1u")
    assert b"\x1b[?2031h" in t.new()
    leave_by = "\x1b[13u\x1b[96:126;2u."
    t.type(leave_by)
    t.wait_for("outer$")
    t.type("exit\r")
    t.wait_end()


# ---- side effects

def printf(*words):
    return "printf '%b' " + " ".join(f"'{w}'" for w in words)


def test_side_effects_arrive_once(box, terms):
    t = session(terms)
    t.cut()
    t.type(printf(r"\0033]9;note\0007", r"\0033]777;notify;a;b\0033\0134", r"\0033]99;i=1;kitty\0033\0134",
                  r"\0033]7;file://far/dir\0007", r"\0033]52;;QUJD\0007", r"\0033]2;a title\0007", r"\0007") +
           "; echo do''ne\r")
    t.wait_for("done")
    want = [b"\x1b]9;note\x1b\\", b"\x1b]777;notify;a;b\x1b\\", b"\x1b]99;i=1;kitty\x1b\\",
            b"\x1b]7;file://far/dir\x1b\\", b"\x1b]52;;QUJD\x07"]
    t.wait_for(want[-1])
    t.wait_for("a title")
    out = t.new()
    assert [out.count(w) for w in want] == [1] * len(want), out
    order = [out.index(w) for w in want]
    assert order == sorted(order)
    leave(t)


@pytest.mark.needs("tmux")
def test_the_clipboard_of_a_tmux_inside(box, terms):
    """As tmux itself writes it, with its default settings and in a window of its own."""
    t = session(terms)
    t.wait_for("\x1b[?2031h")
    t.cut()
    t.type("tmux -L in -f /dev/null new 'tmux -L in set-buffer -w \"from tmux\"; sleep 0.5'; echo le''ft\r")
    t.wait_for("left")
    data = re.findall(rb"\x1b\]52;[a-z0-9]*;([^\x07\x1b]+)", t.new())
    assert [base64.b64decode(d) for d in data] == [b"from tmux"], t.new()[-2000:]
    leave(t)


def test_nothing_hides_in_a_notification(box, terms):
    """What would end the sequence and begin another does not get through."""
    t = session(terms)
    t.cut()
    t.type(printf(r"\0033]9;a\0302\0234\0033]0;no\0007", r"\0033]52;c;QQ=\0007", r"\0033]52;c;?\0007",
                  r"\0033]52;x;QUJD\0007", r"\0033]8888;x\0007", r"\0033P+q544e\0033\0134",
                  r"\0033]9;last\0007") + "; echo do''ne\r")
    t.wait_for("done")
    t.wait_for("\x1b]9;last")  # events arrive in order: nothing is on its way any more
    out = re.sub(rb"printf.*?done", b"", t.new(), flags=re.S)
    assert b"\x1b]52" not in out and b"8888" not in out and b"\x1bP" not in out
    leave(t)


class FarSession:
    """A session over UDP between two network namespaces; the network between them can go."""

    def __init__(self, box, netlab, terms):
        box.script("srv", f'exec {shlex.join(netlab.enter("s"))} {box.build}/tern-server "$@"')
        self.box, self.lab = box, netlab
        self.t = terms([*netlab.enter("c"), "tern", "--local", "--transport=udp", "--server=exec srv", "--", "inner"])
        self.t.wait_for(READY)

    def stop(self):
        self.lab.do("down")

    def go_on(self):
        self.lab.do("up")

    def leave(self):
        """The end, heard by both sides while there is a network."""
        leave(self.t)
        self.box.wait_no_server()


def test_made_in_an_outage_they_arrive_once(box, netlab, terms):
    s = FarSession(box, netlab, terms)
    t, go, mark = s.t, f"{box.home}/go", f"{box.home}/printed"
    notes = [printf(rf"\0033]9;note {i}\0007", rf"\0033]777;notify;title;body {i}\0007") for i in (1, 2)]
    box.script("made", f"until [ -e {go} ]; do sleep 0.1; done; " +
               "; ".join([*notes, printf(r"\0033]52;c;QUJD\0007", r"\0033]52;p;REVG\0007", r"\0007"), f"touch {mark}"]))
    t.type("made\r")
    t.wait_for("made")
    s.stop()
    t.cut()
    open(go, "w").close()
    wait_until(lambda: os.path.exists(mark), 20, "the program's end")
    t.wait_for("Last contact", 30)
    assert b"]9;" not in t.new() and b"]52" not in t.new() and b"]777" not in t.new()
    s.go_on()
    t.wait_for("\x1b]52;p;REVG\x07")
    t.type("\recho se''en\r")
    t.wait_for("seen")
    out = t.new()
    want = [b"\x1b]9;note 1\x1b\\", b"\x1b]777;notify;title;body 1\x1b\\", b"\x1b]9;note 2\x1b\\",
            b"\x1b]777;notify;title;body 2\x1b\\", b"\x1b]52;c;QUJD\x07", b"\x1b]52;p;REVG\x07"]
    assert [out.count(w) for w in want] == [1] * len(want), out
    assert re.sub(rb"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", out).count(b"\x07") == 1
    order = [out.index(w) for w in want]
    assert order == sorted(order)
    s.leave()


PROMPT = b"\x1b]133;A\x1b\\"


def test_prompts_are_marked(box, netlab, terms):
    """Each prompt's row has the mark directly in front of it: on the screen, in the scrollback, and
    after an outage."""
    s = FarSession(box, netlab, terms)
    t = s.t
    t.cut()
    t.type("PS1='\\[\\e]133;A\\a\\]pro''mpt> '\r")
    t.wait_for("prompt> ")
    for n in range(3):
        t.cut()
        t.type(f"echo d''one{n}\r")
        t.wait_for(f"done{n}")
        t.wait_for("prompt> ")
        assert t.new().count(PROMPT) == 1
        assert PROMPT + b"prompt> " in t.new()
    t.cut()
    t.type("seq 1 100\r")
    wait_until(lambda: all(re.search(rb"\D%d\D" % n, t.new()) for n in (50, 99)) and
               PROMPT in t.new(), 15, "the lines and the prompt below",
               lambda: repr(t.new()[-3000:]))
    t.type("echo f''ed\r")
    t.wait_for("fed")
    t.settled()
    # Whatever was painted or fed of prompts, in rows of their own, was marked.
    rows = re.findall(rb"(.{9})prompt> ", t.new(), re.S)
    assert rows and all(r.endswith(PROMPT) for r in rows), t.new()
    t.cut()
    began, mark = f"{box.home}/began", f"{box.home}/printed"
    # The second one's prompt is seen in the scrollback only.
    t.type(f"touch {began}; sleep 1\rseq 1 60; touch {mark}\r")
    wait_until(lambda: os.path.exists(began), 15, "its beginning")
    s.stop()
    wait_until(lambda: os.path.exists(mark), 15, "the lines")
    t.cut()
    s.go_on()
    wait_until(lambda: t.new().count(b"prompt> ") >= 2, 15, "both prompts",
               lambda: repr(t.new()[-3000:]))
    t.settled()
    rows = re.findall(rb"(.{9})prompt> ", t.new(), re.S)
    assert len(rows) >= 2 and all(r.endswith(PROMPT) for r in rows), t.new()
    s.leave()


def test_made_while_nobody_was_attached(box, terms):
    t = session(terms)
    began, mark = f"{box.home}/began", f"{box.home}/printed"
    t.type(f"touch {began}; sleep 1; " + printf(r"\0007", r"\0033]9;note\0007", r"\0033]52;c;QUJD\0007") + f"; touch {mark}\r")
    wait_until(lambda: os.path.exists(began), 15, "its beginning")
    t.type("\r~d")
    t.wait_end()
    assert b"\x1b]9;" not in t.new()
    wait_until(lambda: os.path.exists(mark), 20, "the program's end")
    for round in (1, 0):
        t = terms(["tern", "--local", "--attach", box.session_names()[0]])
        t.wait_for(READY)
        t.type("\recho se''en\r")
        t.wait_for("seen")
        assert t.bytes.count(b"\x1b]9;note\x1b\\") == round
        assert t.bytes.count(b"\x1b]52;c;QUJD\x07") == round
        t.type("\r~d" if round else "\r~.")
        t.wait_end()


def test_a_clipboard_of_one_megabyte(box, terms):
    data = base64.b64encode(os.urandom(1 << 20))
    with open(f"{box.home}/clip", "wb") as f:
        f.write(b"\x1b]52;c;" + data + b"\x1b\\")
    t = session(terms)
    t.cut()
    t.type(f"cat {box.home}/clip; echo do''ne\r")
    t.wait_for(b"\x1b]52;c;" + data + b"\x07", 30)
    # More than that is refused, and the session goes on.
    with open(f"{box.home}/clip", "wb") as f:
        f.write(b"\x1b]52;c;" + data + b"QUJD\x1b\\")
    t.cut()
    t.type(f"cat {box.home}/clip; " + printf(r"\0033]9;last\0007") + "; echo ag''ain\r")
    t.wait_for("again")
    t.wait_for("\x1b]9;last")  # events arrive in order
    assert b"\x1b]52" not in t.new()
    leave(t)


READ_CLIP = r"""import os, select, sys, termios, tty
old = termios.tcgetattr(0)
tty.setraw(0, termios.TCSANOW)
os.write(1, b"\x1b]52;c;?\x1b\\")
got = b"got:"
while select.select([0], [], [], float(sys.argv[1]))[0]:
    got += os.read(0, 4096)
    if got.endswith(b"\x1b\\"):
        break
termios.tcsetattr(0, termios.TCSANOW, old)
open(sys.argv[2], "wb").write(got)
os.write(1, b"READ\n")
"""


@pytest.mark.parametrize("allowed", [True, False])
def test_the_clipboard_is_read_only_if_allowed(box, terms, allowed):
    box.script("readclip", READ_CLIP, "/usr/bin/python3")
    answers = {**KITTY, b"\x1b]52;c;?\x1b\\": b"\x1b]52;c;c2VjcmV0\x1b\\"}
    t = session(terms, *(["--clipboard-read"] if allowed else []), answers=answers)
    t.wait_for("\x1b[?2031h")  # what it is, is known
    t.cut()
    t.type(f"readclip {15 if allowed else 0.5} {box.home}/a\r")
    t.wait_for("READ", 20)
    assert file_of(box, "a") == b"got:" + (b"\x1b]52;c;c2VjcmV0\x1b\\" if allowed else b"")
    assert (b"\x1b]52;c;?" in t.new()) == allowed
    leave(t)


def test_what_the_user_does_not_want(box, terms):
    t = session(terms, "--no-notify", "--no-clipboard", "--no-ask-terminal")
    assert b"\x1b[c" not in t.bytes
    t.cut()
    t.type(printf(r"\0033]9;note\0007", r"\0033]52;c;QUJD\0007", r"\0007") + "; echo do''ne\r")
    t.wait_for("done")
    t.type("echo la''ter\r")
    t.wait_for("later")
    assert b"\x1b]9;" not in t.new() and b"\x1b]52" not in t.new()
    leave(t)


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def test_floods_are_bounded(box, terms):
    box.script("flood", r"""import os
big = b"\x1b]52;c;" + b"QUJD" * 50000 + b"\a"
for i in range(3000):
    os.write(1, b"\x1b]0;title %d\a\x1b]9;note %d\a\a\x1b]7;file://h/%d\a\x1b]52;p;QUFB\a" % (i, i, i))
    if i % 100 == 0:
        os.write(1, big)
os.write(1, b"FLO" b"ODED\r\n")
""", "/usr/bin/python3")
    t = session(terms)
    before = {p: rss(p) for p in box.servers() | box.clients()}
    t.cut()
    t.type("flood\r")
    t.wait_for("FLOODED", 60)
    t.type("echo af''ter\r")
    t.wait_for("after", 30)
    t.wait_for("\x1b]9;note 2999\x1b\\")
    assert t.new().count(b"\x1b]9;") <= 3000
    for p, kib in before.items():
        assert rss(p) < kib + 24 * 1024, f"{procs.name(p)}: {kib} to {rss(p)} KiB"
    leave(t)


def test_resize_storm(box, terms):
    t = session(terms)
    for i in range(300):
        t.resize(40 + i % 90, 10 + i % 40)
        if i % 30 == 0:
            t.type("x")
    t.resize(77, 22)
    # Keys may overtake the signal that tells of a new size.
    t.type("\x15until [ \"$(stty size)\" = '22 77' ]; do sleep 0.1; done; echo si''zed\r")
    t.wait_for("sized", 40)
    leave(t)


def test_a_pipe_is_no_terminal(box):
    p = box.run("tern", "--local")
    assert p.returncode == 1 and "not a terminal" in p.stderr and p.stdout == ""
