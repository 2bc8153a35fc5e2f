"""What a session finds at its start, where a stand-in shows more than a real login would: utmp, forced
commands that run tern-server, hosts that end a user's processes at logout."""
import os
import re
import shutil
import signal

import pytest

from lib import procs
from lib.sshd import PROMPT
from lib.wait import wait_until

TERN = "tern -F $F"
LOGIN = "env -u SSH_TTY SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22'"  # as if sshd had started it
LOCAL = f"tern --local --server=\"{LOGIN} $SERVER\""


@pytest.fixture
def server(box):
    box.env["SERVER"] = os.path.join(box.build, "tern-server")


def leave(w, box, status=3):
    w.line(f"exit {status}")
    assert w.finish() == status
    box.wait_no_server()


def said(w):
    return [r for r in w.text(history=True).split("\n") if r.startswith("tern")]


# ---- the login ----


def test_home_that_is_not_there(server, outer, box):
    outer.start(LOCAL.replace("-u SSH_TTY", "-u SSH_TTY HOME=/nonexistent/home") + " -- pwd")
    assert outer.finish() == 0
    at = outer.rows().index("Could not chdir to home directory /nonexistent/home: No such file or directory")
    assert outer.rows()[at + 1] == "/"


@pytest.mark.skipif(not shutil.which("who"), reason="who is not installed")
def test_who_is_logged_in(outer, box, hosts):
    helpers = [os.path.join(d, "utempter") for d, _, files in os.walk("/usr/lib")
               if d.endswith("/utempter") and "utempter" in files]
    if not helpers:
        pytest.skip("libutempter's helper is not installed")
    host = hosts()
    outer.enter(f"{TERN} far", PROMPT)
    outer.line("tty; who /run/utmp")
    outer.wait(lambda: any("via tern" in r for r in outer.rows()))
    [entry] = [r for r in outer.rows() if "via tern" in r]
    tty = next(r for r in outer.rows() if r.startswith("/dev/"))
    assert re.fullmatch(rf"root +{tty[5:]} .* \(127\.0\.0\.1 via tern \[\d+\]\)", entry)
    # Gone with the session, although the namespace goes on.
    leave(outer, box)
    assert host.ssh("far", "who /run/utmp").stdout == ""


# ---- forced commands ----


@pytest.mark.parametrize("how", ["key", "sshd"])
def test_forced_command_that_is_tern_server(outer, box, hosts, how):
    """It runs what its line says; what the client wants is only told."""
    forced = "tern-server -- menu"
    host = hosts(**({"key_options": f'command="{forced}"'} if how == "key" else {"config": f"ForceCommand {forced}"}))
    host.script("menu", "echo fixed \"[$SSH_ORIGINAL_COMMAND]\"; exit 6")
    outer.start(f"{TERN} -t far 'echo mine; touch $HOME/mine'")
    assert outer.finish() == 6
    assert "fixed [echo mine; touch $HOME/mine]" in outer.rows()
    assert not os.path.exists(os.path.join(host.home, "mine"))


def test_forced_command_that_fixes_nothing(outer, box, hosts):
    host = hosts(key_options='command="tern-server"')
    outer.start(f"{TERN} -t far 'touch $HOME/mine'")
    assert outer.finish() not in (0, 127)
    assert any("forced command" in r for r in outer.rows())
    assert not os.path.exists(os.path.join(host.home, "mine"))
    box.wait_no_server()


# ---- hosts that end a user's processes at logout ----


@pytest.fixture
def logind(box, server):
    """A login in a session scope; loginctl and systemd-run as a host with KillUserProcesses has them."""
    with open(box.file("cgroup"), "w") as f:
        f.write("0::/user.slice/user-0.slice/session-7.scope\n")
    box.env["TERN_CGROUP"] = box.file("cgroup")

    def make(linger, run="while test \"$1\" != --; do shift; done; shift; exec \"$@\""):
        box.script("loginctl", f"""case $1 in
show-session) echo KillUserProcesses=yes; echo KillExcludeUsers=nobody;;
show-user) echo Linger={linger};;
esac""")
        box.script("systemd-run", f"echo \"$*\" >>{box.file('ran')}\n{run}")

    return make


def ran(box):
    return open(box.file("ran")).read().splitlines() if os.path.exists(box.file("ran")) else []


def test_moves_out_of_the_login(logind, outer, box):
    logind("yes")
    outer.start(LOCAL)
    outer.wait(lambda: [r for r in outer.rows() if r][-1:] == ["login$"], what="the prompt")
    outer.line("echo [$TERN_SCOPE$INVOCATION_ID] $((6*7))=")
    outer.wait_row("[] 42=")
    [line] = ran(box)
    assert line.startswith("--user --scope --quiet --no-ask-password -- /")
    assert "enable-linger" not in outer.text()
    # What is left in the login's scope ends with it; the session does not.
    parents = [p for p in box.servers() if any(c in box.servers() for c in procs.descendants(p))]
    assert len(parents) == 1
    os.kill(parents[0], signal.SIGKILL)
    wait_until(lambda: parents[0] not in box.servers(), 10, "its end")
    outer.line("echo still $((6*7))=")
    outer.wait_row("still 42=")
    leave(outer, box)


def test_status_of_a_moved_server(logind, outer, box):
    logind("yes")
    outer.start(LOCAL + " -- 'exit 9'")
    assert outer.finish() == 9
    assert len(ran(box)) == 1


@pytest.mark.parametrize("linger,run", [("no", ""), ("yes", "exit 1"), ("yes", "exec sleep 1000")])
def test_a_warning_where_it_cannot(logind, outer, box, linger, run):
    logind(linger, run)
    outer.start(LOCAL)
    outer.wait(lambda: [r for r in outer.rows() if r][-1:] == ["login$"], what="the prompt")
    text = re.sub(r"\s+", " ", outer.text())
    assert text.count("tern: this host ends your sessions when you log out") == 1
    assert "loginctl enable-linger" in text
    assert len(ran(box)) == (linger == "yes")
    leave(outer, box)
