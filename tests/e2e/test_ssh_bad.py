"""tern HOST where something is missing, refused or broken: ssh's own words and status are kept, one line
of ours names the layer at fault, the terminal is as before, and there is no second login unless said."""
import os
import signal
import socket

import pytest

from lib import procs
from lib.sshd import PROMPT
from lib.wait import wait_until

TERN = "tern -F $F"


def last(w):
    return ([r for r in w.rows() if r] or [""])[-1]


def enter(w, command=f"{TERN} far", timeout=20):
    w.enter(command, PROMPT, timeout)


def said(w):
    """Our lines, each whole (joined where the terminal broke them)."""
    text = w.tmux.run("capture-pane", "-p", "-J", "-S", "-", "-t", w.target)
    return [r.rstrip() for r in text.split("\n") if r.startswith("tern: ")]


def kinds(host):
    return [c.split()[0] for c in host.commands()]


# ---- no server ----


def test_nothing_installed_goes_on_as_plain_ssh(outer, box, hosts):
    host = hosts(server=False)
    enter(outer)
    outer.line("echo $((6*7))=; tty")
    outer.wait_row("42=")
    [line] = said(outer)
    assert "tern-server" in line and "install" in line
    outer.line("exit 9")
    assert outer.finish() == 9
    assert host.logins() == 1
    assert kinds(host)[-1] == "shell" and kinds(host).count("shell") == 1
    assert len(said(outer)) == 1
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


def test_nothing_installed_and_a_command(outer, box, hosts):
    host = hosts(server=False)
    outer.start(f"{TERN} -t far 'tty; echo a  b; exit 5'")
    assert outer.finish() == 5
    assert "a b" in outer.rows() and any(r.startswith("/dev/pts/") for r in outer.rows())
    assert host.logins() == 1 and len(said(outer)) == 1


@pytest.mark.parametrize("shell", ["csh", "fish", "rbash"])
def test_nothing_installed_whatever_the_shell(outer, box, hosts, shell):
    path = next((p for p in (f"/usr/bin/{shell}", f"/bin/{shell}") if os.path.exists(p)), None)
    if not path:
        pytest.skip(f"{shell} is not installed")
    host = hosts(server=False, shell=path)
    enter(outer)
    outer.line("exit 9")
    assert outer.finish() == 9
    assert host.logins() == 1 and len(said(outer)) == 1


def test_nothing_installed_and_noise(outer, box, hosts):
    host = hosts(server=False)
    host.file(".bashrc", "echo noise; echo more noise >&2; printf 'TERN-NONE x /bin/false\\n no end'\n")
    enter(outer)
    outer.line("exit 9")
    assert outer.finish() == 9
    assert host.logins() == 1 and len(said(outer)) == 1


def test_nothing_installed_no_fallback(outer, box, hosts):
    host = hosts(server=False)
    outer.start(f"{TERN} --no-fallback far")
    assert outer.finish() not in (0, 127)
    [line] = said(outer)
    assert "tern-server" in line
    assert host.logins() == 1 and kinds(host) == ["command"]
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


def test_nothing_installed_and_the_window_is_closed(tmux, box, hosts):
    hosts(server=False)
    w = tmux.shell()
    enter(w)
    tmux.run("kill-pane", "-t", w.target)
    wait_until(lambda: not box.clients() and not procs.named("ssh"), what="no client left")


def test_server_option_names_nothing(outer, box, hosts):
    hosts()
    outer.start(f"{TERN} --server=no-such-server far")
    assert outer.finish(30) not in (0, 127)
    assert len(said(outer)) == 1 and "no-such-server: not found" in outer.text()


# ---- stock mosh there ----


@pytest.mark.needs("mosh-server")
def test_only_mosh_server(outer, box, hosts):
    host = hosts(server=False, mosh=True)
    enter(outer, timeout=30)
    assert procs.named("mosh-server")
    [line] = said(outer)
    assert "tern-server" in line
    outer.line("echo $((6*7))= größe 漢字; stty size")
    outer.wait_row("42= größe 漢字")
    outer.wait_row("24 80")
    outer.resize(100, 30)
    outer.line("clear; stty size")
    outer.wait_row("30 100")
    outer.resize(80, 24)
    outer.type("~#")
    outer.wait(lambda: outer.rows()[0].startswith("tern: a stock mosh-server's session, "), what="what is open")
    assert outer.rows()[1].startswith("path udp ") and outer.rows()[3] == "0 channels"
    outer.line("exit")
    outer.finish()
    assert host.logins() == 1
    wait_until(lambda: not procs.named("mosh-server"), what="the end of mosh-server")
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


@pytest.mark.needs("mosh-server")
def test_only_mosh_server_and_a_command(outer, box, hosts):
    host = hosts(server=False, mosh=True)
    outer.start(f"{TERN} -t far 'echo a  b; echo $((6*7))=; read x'")
    outer.wait_row("42=")
    assert "a b" in outer.rows() and procs.named("mosh-server")
    outer.keys("Enter")
    outer.finish()
    assert host.logins() == 1


@pytest.mark.needs("mosh-server")
def test_mosh_by_option(outer, box, hosts):
    host = hosts(mosh=True)
    enter(outer, f"{TERN} --mosh --udp-ports=61400:61599 far", timeout=30)
    assert procs.named("mosh-server") and not box.servers()
    assert all(" -p 61400:61599" in procs.command_line(p) for p in procs.named("mosh-server"))
    outer.line("exit")
    outer.finish()
    assert host.logins() == 1


def test_mosh_by_option_where_there_is_none(outer, box, hosts):
    hosts(server=False)
    outer.start(f"{TERN} --mosh --no-fallback far")
    assert outer.finish() not in (0, 127)
    [line] = said(outer)
    assert "mosh-server" in line


# ---- ssh does not get through ----


def both(w, box, words, timeout=20):
    """Plain ssh and tern with the same words: the status and the lines on stderr of each."""
    found = []
    for program in ("ssh", "tern"):
        w.clear()
        w.start(words.replace("SSH", program) + f" 2> $HOME/{program}.err")
        status = w.finish(timeout)
        found.append((status, open(f"{box.home}/{program}.err").read().splitlines()))
    return found


def same_as_ssh(w, box, words, hint):
    (want, theirs), (status, lines) = both(w, box, words)
    assert status == want == 255
    assert any(hint in line for line in theirs), theirs
    more = [line for line in lines if line.rstrip() not in [t.rstrip() for t in theirs]]
    assert [line for line in theirs if line.rstrip() not in [t.rstrip() for t in lines]] == []
    assert len(more) <= 1 and all(line.startswith("tern: ") for line in more), more


def test_unknown_host(outer, box, hosts):
    hosts()
    same_as_ssh(outer, box, "unshare -n SSH -F $F nowhere.example", "Could not resolve hostname")


def test_refused_port(outer, box, hosts):
    host = hosts()
    host.kill()
    same_as_ssh(outer, box, "SSH -F $F far", "Connection refused")


def test_wrong_key(outer, box, hosts):
    host = hosts()
    host.ssh_config(f"Host far\n  IdentityFile {host.keys.file('stranger')}\n")
    with open(host.path("authorized_keys"), "w"):
        pass
    same_as_ssh(outer, box, "SSH -F $F -o BatchMode=yes far", "Permission denied")


def test_changed_host_key(outer, box, hosts):
    host = hosts()
    with open(host.path("known_hosts"), "w") as f:
        f.write(f"[127.0.0.1]:{host.port} {host.keys.public('host2')}\n")
    same_as_ssh(outer, box, "SSH -F $F far", "REMOTE HOST IDENTIFICATION HAS CHANGED")


def test_unknown_host_key(outer, box, hosts):
    hosts()
    same_as_ssh(outer, box, "SSH -F $F -o UserKnownHostsFile=/dev/null far", "Host key verification failed")


def test_unknown_user(outer, box, hosts):
    hosts()
    same_as_ssh(outer, box, "SSH -F $F -o BatchMode=yes nobody-here@far", "Permission denied")


def test_bad_option_and_bad_configuration(outer, box, hosts):
    host = hosts()
    same_as_ssh(outer, box, "SSH -F $F -o NoSuchOption=1 far", "nosuchoption")
    host.ssh_config("NoSuchKeyword 1\n")
    same_as_ssh(outer, box, "SSH -F $F far", "nosuchkeyword")
    same_as_ssh(outer, box, "SSH -F $HOME/no-such-file far", "no-such-file")


def test_ssh_is_not_there(outer, box, hosts):
    hosts()
    outer.start(f"{TERN} --ssh=no-such-ssh far")
    assert outer.finish() not in (0,)
    assert "no-such-ssh" in "".join(outer.rows()[1:])
    assert len(said(outer)) <= 1


def test_host_that_says_nothing(outer, box, hosts):
    """A port where nobody speaks: ssh's own time-out and words."""
    host = hosts()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        host.ssh_config(f"Host far\n  Port {s.getsockname()[1]}\n")
        (want, theirs), (status, lines) = both(outer, box, "SSH -F $F -o ConnectTimeout=1 far")
    assert status == want == 255
    assert theirs[0] in lines and len(lines) - len(theirs) <= 1


# ---- the host does not let us ----


def test_max_sessions_1(outer, box, hosts):
    host = hosts(config="MaxSessions 1")
    enter(outer)
    assert box.servers()
    outer.line("exit 7")
    assert outer.finish() == 7
    assert host.logins() == 1


def test_max_sessions_1_and_nothing_installed(outer, box, hosts):
    """The master's only session is used up: a second login, which is announced."""
    host = hosts(config="MaxSessions 1", server=False)
    enter(outer)
    lines = said(outer)
    assert len(lines) in (1, 2) and "tern-server" in lines[0]
    assert any("again" in line or "second" in line or "once more" in line for line in lines), lines
    outer.line("exit 7")
    assert outer.finish() == 7
    assert host.logins() == 2


@pytest.mark.parametrize("how", ["key", "sshd"])
def test_forced_command(outer, box, hosts, how):
    forced = "echo forced $SSH_ORIGINAL_COMMAND | cut -c1-20; exit 3"
    if how == "key":
        hosts(key_options=f'command="{forced}"')
    else:
        hosts(config=f"ForceCommand {forced}")
    outer.start(f"{TERN} far")
    assert outer.finish(30) not in (0, 127)
    assert any(r.startswith("forced") for r in outer.rows())
    [line] = said(outer)
    assert "command" in line


def test_account_without_a_shell(outer, box, hosts):
    hosts(shell="/usr/sbin/nologin")
    outer.start(f"{TERN} far")
    assert outer.finish() not in (0, 127)
    assert "This account is currently not available." in outer.rows()
    assert len(said(outer)) == 1


def test_no_pty_permitted_is_not_our_business(outer, box, hosts):
    """`no-pty` of the key: sshd would refuse one. What the login forbade stays forbidden, or is told."""
    hosts(key_options="no-pty")
    enter_or_end = (PROMPT, "outer$")
    outer.start(f"{TERN} far")
    outer.wait(lambda: last(outer) in enter_or_end, 20, "a prompt")
    if last(outer) == PROMPT:
        outer.line("exit 3")
        assert outer.finish() == 3
    else:
        assert len(said(outer)) == 1


@pytest.mark.parametrize("text,hint", [
    ("echo 'tern-server: this is release 9, the client speaks 0.1: install one of them' >&2; exit 1", "release 9"),
    ("exit 0", ""),
    ("exit 3", ""),
    ("kill -9 $$", ""),
    ("echo hello; exit 0", "hello"),
    ("head -c 100 > /dev/null; echo TERN garbage; exit 1", ""),
    ("head -c 5000000 /dev/zero | tr '\\0' x; exit 1", ""),
    ("exec cat > /dev/null", ""),
])
def test_other_server(outer, box, hosts, text, hint):
    host = hosts()
    host.script("tern-server", text)
    outer.start(f"{TERN} --connect-timeout 3 far")
    assert outer.finish(30) not in (0, 127)
    assert hint in outer.text(history=True).replace("\n", "")
    assert len(said(outer)) == 1
    assert host.logins() == 1
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


# ---- something dies ----


def test_server_dies(outer, box, hosts):
    hosts()
    enter(outer)
    for pid in box.servers():
        os.kill(pid, signal.SIGKILL)
    outer.wait(lambda: last(outer) == "outer$" or any("tern: " in r for r in outer.rows()), 40, "word of it")
    if last(outer) != "outer$":
        outer.keys("Enter")
        outer.type("~.")
    assert outer.finish(30) == 255
    assert len(said(outer)) == 1
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_client_is_ended(outer, box, hosts, number):
    """Detached: it is there for the next login, which says so."""
    host = hosts()
    enter(outer, f"{TERN} --name stays far")
    [client] = box.clients()
    os.kill(client, number)
    assert outer.finish() != 0
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")
    assert "stays" in host.ssh("far", "tern-server --ls").stdout
    outer.clear()
    enter(outer)
    assert len([r for r in outer.text(history=True).split("\n") if "detached: stays;" in r]) == 1
    outer.line("exit 2")
    assert outer.finish() == 2
    assert host.ssh("far", "tern-server --kill stays").returncode == 0
    box.wait_no_server()


def test_client_is_killed(tmux, box, hosts):
    """kill -9 leaves the terminal to the user and no ssh; the session stays."""
    host = hosts()
    enter(tmux.shell())
    [client] = box.clients()
    os.kill(client, signal.SIGKILL)
    wait_until(lambda: not box.clients())
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")
    names = host.ssh("far", "tern-server --ls").stdout.split("\n")[1:]
    [name] = [n.split()[0] for n in names if n]
    assert host.ssh("far", f"tern-server --kill {name}").returncode == 0
    box.wait_no_server()
