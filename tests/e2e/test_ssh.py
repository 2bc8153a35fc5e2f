"""tern HOST over a real sshd: what a login gives, shells, noise, prompts, options, configuration. Plain
ssh with the same words is the yardstick."""
import os
import re
import signal

import pytest

from lib import procs
from lib.sshd import PROMPT
from lib.wait import wait_until

TERN = "tern -F $F"


def enter(w, command=f"{TERN} far", timeout=20):
    """Start it and wait for the far shell's prompt."""
    w.enter(command, PROMPT, timeout)


def leave(w, box, status=3):
    w.line(f"exit {status}")
    assert w.finish() == status
    box.wait_no_server()


def history(w):
    return w.text(history=True).split("\n")


def ours(rows):
    return [r for r in rows if r.startswith("tern: ")]


# ---- the yardstick itself ----


def test_plain_ssh_reaches_the_host(hosts, box):
    host = hosts()
    p = host.ssh("far", "echo $HOME; command -v tern-server; exit 4")
    assert (p.returncode, p.stderr) == (4, "")
    assert p.stdout.split() == [host.home, os.path.join(host.bin, "tern-server")]
    assert host.logins() == 1 and len(host.commands()) == 1


# ---- a shell, a command ----


def test_login_shell(outer, box, hosts):
    host = hosts()
    enter(outer)
    assert len(box.servers()) >= 1
    outer.line("echo $((6*7))=; tty; shopt login_shell; echo [$0] [$PWD] [$SSH_TTY]")
    outer.wait_row("42=")
    outer.wait(lambda: re.search(r"^\[-bash\] .*\]$", outer.text(), re.M))
    text = outer.text()
    tty = next(r for r in outer.rows() if r.startswith("/dev/pts/"))
    assert f"[{host.home}] [{tty}]" in text.replace("\n", "")
    assert re.search(r"login_shell\s+on", text)
    leave(outer, box, 7)
    assert host.logins() == 1
    assert [c.split()[0] for c in host.commands()] == ["command"]
    assert ours(history(outer)) == []


def test_account_that_is_not_root(outer, box, hosts):
    hosts("far", user="somebody")
    enter(outer)
    outer.line("id -un; stat -c %U%a $(tty); cat /proc/self/loginuid | wc -l")
    outer.wait_row("somebody")
    outer.wait(lambda: any(re.fullmatch(r"somebody6\d\d", r) for r in outer.rows()))
    leave(outer, box)


def test_command_with_a_terminal(outer, box, hosts):
    host = hosts()
    outer.start(f"{TERN} -t far 'tty; stty size; echo a  b; shopt login_shell; exit 5'")
    assert outer.finish() == 5
    rows = outer.rows()
    assert "a b" in rows and "24 80" in rows and any(r.startswith("/dev/pts/") for r in rows)
    assert re.search(r"login_shell\s+off", outer.text())
    assert [c.split()[0] for c in host.commands()] == ["command"]
    box.wait_no_server()


def test_words_of_a_command_are_joined_as_by_ssh(outer, box, hosts):
    hosts()
    for program in ("ssh", "tern"):
        outer.clear()
        outer.start(program + " -F $F -t far echo '$((1+1))' \"'a  b'\" '*' -x -- ';' 'exit 6'")
        assert outer.finish() == 6
        assert any(r.startswith("2 a  b .") or r.startswith("2 a  b *") for r in outer.rows())
    box.wait_no_server()


@pytest.mark.parametrize("words", [
    "far 'echo out; echo err >&2; cat; exit 6'",
    "-T far 'tty; exit 1'",
    "-n far 'cat; exit 2'",
    "far",
    "-T far",
    "-tt far 'echo tt; exit 3' < /dev/null",
    "-t far 'echo t; exit 3'",
    "-s far sftp",
    "-x far 'kill -9 $$'",
    "-o RemoteCommand='echo by config; exit 9' far",
    "-Q kex",
    "-G far",
    "-O check far",
    "-N -f far -o Tunnel=no -o ForkAfterAuthentication=no -W 127.0.0.1:1",
    "-o NoSuchOption=1 far true",
    "-p notaport far true",
])
def test_without_a_terminal_it_is_as_ssh(box, hosts, words):
    """Output to the byte, status, stdin."""
    host = hosts()
    ways = [box.run("sh", "-c", f"{program} -F $F {words}", stdin=None, input="exit 12 # typed\n")
            for program in ("ssh", "tern")]
    stderr = [p.stderr.replace("tern:", "ssh:") for p in ways]
    assert ways[1].returncode == ways[0].returncode
    assert ways[1].stdout == ways[0].stdout
    assert stderr[1] == stderr[0]
    box.wait_no_server()
    assert host.logins() in (0, 2)


def test_megabytes_through_a_pipe(box, hosts):
    hosts()
    data = os.urandom(1 << 20).hex()
    p = box.run("sh", "-c", f"{TERN} far cat", stdin=None, input=data)
    assert p.returncode == 0 and p.stdout == data and p.stderr == ""


def test_output_that_is_no_terminal(outer, box, hosts):
    """A shell with its output into a pipe: as ssh has it, nothing is drawn into the pipe."""
    hosts()
    for program in ("ssh", "tern"):
        outer.start(program + " -F $F -t far 'echo lines; tput cup 5 5; exit 3' | od -c > $HOME/" + program)
        assert outer.finish() == 0
    a, b = (open(f"{box.home}/{program}").read() for program in ("ssh", "tern"))
    assert a == b and "n   e   s" in a
    box.wait_no_server()


# ---- what a login gives ----


def variables(path):
    pairs = (line.rstrip("\n").split("=", 1) for line in open(path) if "=" in line)
    return {k: v for k, v in pairs}


def test_environment_is_that_of_ssh(outer, box, hosts):
    host = hosts()
    host.ssh_config("Host far\n  SendEnv LC_* OTHER\n  SetEnv LC_COLOUR=blue NOT_TAKEN=x\n")
    seen = {}
    for program in ("ssh", "tern"):
        outer.clear()
        enter(outer, f"LC_SENT='a  b' OTHER=o {program} -F $F far")
        outer.line(f"env > {program}.env; echo done")
        outer.wait_row("done")
        leave(outer, box)
        seen[program] = variables(os.path.join(host.home, program + ".env"))
    for env in seen.values():
        assert env["LC_SENT"] == "a  b" and env["LC_COLOUR"] == "blue"
        assert "OTHER" not in env and "NOT_TAKEN" not in env
    # Ours is the terminal that programs draw on, so it has its own name and an UTF-8 locale.
    for name in ("TERM", "COLORTERM", "LANG", "LC_CTYPE", "LC_ALL", "_"):
        for env in seen.values():
            env.pop(name, None)
    for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"):  # port, port, name
        values = [env.pop(name) for env in seen.values()]
        assert len({re.sub(r"\b\d{4,5}\b", "N", re.sub(r"pts/\d+", "pts", v)) for v in values}) == 1, values
    assert seen["tern"] == seen["ssh"]


def test_message_of_the_day(outer, box, hosts):
    if not os.path.exists("/etc/motd"):
        pytest.skip("this system has no /etc/motd to put another one over")
    host = hosts(config="PrintMotd yes")
    host.file("/etc/motd", "Welcome to the far side\nsecond line\n")
    enter(outer)
    assert history(outer).count("Welcome to the far side") == 1
    leave(outer, box)
    outer.clear()
    outer.start(f"{TERN} -t far 'echo no greeting; exit 0'")
    assert outer.finish() == 0
    assert "Welcome to the far side" not in outer.rows()
    host.file(".hushlogin", "")
    outer.clear()
    enter(outer)
    assert "Welcome to the far side" not in outer.rows()
    leave(outer, box)


def test_last_login(outer, box, hosts):
    host = hosts(config="PrintLastLog yes")
    enter(outer, "ssh -F $F far")
    leave(outer, box)
    outer.clear()
    enter(outer)
    assert len([r for r in outer.rows() if r.startswith("Last login: ") and r.endswith("from 127.0.0.1")]) == 1
    leave(outer, box)
    host.file(".hushlogin", "")
    outer.clear()
    enter(outer)
    assert "Last login" not in outer.text()
    leave(outer, box)


def test_server_in_the_home_folder(outer, box, hosts):
    host = hosts(server=False)
    host.install(os.path.join(host.home, ".local/bin"))
    enter(outer)
    assert box.servers()
    leave(outer, box)


def test_server_by_option(outer, box, hosts):
    host = hosts(server=False)
    host.install(os.path.join(host.home, "my programs"), "srv")
    enter(outer, f"{TERN} --server='\"$HOME/my programs/srv\"' far")
    assert procs.named("srv")
    leave(outer, box)


def test_ssh_by_option(outer, box, hosts):
    hosts()
    box.script("myssh", 'echo "$@" >> $HOME/calls; exec ssh -F $F "$@"')
    enter(outer, "tern --ssh='myssh -4' far")
    leave(outer, box)
    assert "far" in open(f"{box.home}/calls").read()


# ---- shells and noise ----


@pytest.mark.parametrize("shell", ["csh", "fish", "rbash", "dash", "tcsh", "zsh"])
def test_login_shells(outer, box, hosts, shell):
    path = next((p for p in (f"/usr/bin/{shell}", f"/bin/{shell}") if os.path.exists(p)), None)
    if not path:
        pytest.skip(f"{shell} is not installed")
    host = hosts(shell=path)
    host.file(".zshrc", f"PS1='{PROMPT} '\n")
    enter(outer)
    assert box.servers()
    outer.line("echo shell=$0=")
    if shell not in ("csh", "fish"):
        outer.wait_row(f"shell=-{shell}=")
    leave(outer, box)
    outer.clear()
    outer.start(f"{TERN} -t far 'echo one two; exit 5'")
    assert outer.finish() == 5
    assert "one two" in outer.rows()
    assert host.logins() == 2
    box.wait_no_server()


NOISE = r"""
echo "noise on stdout"
echo "noise on stderr" >&2
printf 'TERN x secret=00 route=1\nMOSH CONNECT 60001 abcdefghijklmnopqrstuv\n\033[2J\377\376 no end'
seq 1 3000
"""


@pytest.mark.parametrize("shell,file", [("bash", ".bashrc"), ("csh", ".cshrc"), ("fish", ".config/fish/config.fish")])
def test_noisy_start_file(outer, box, hosts, shell, file):
    path = next((p for p in (f"/usr/bin/{shell}", f"/bin/{shell}") if os.path.exists(p)), None)
    if not path:
        pytest.skip(f"{shell} is not installed")
    host = hosts(shell=path)
    text = NOISE if shell != "csh" else NOISE.replace(" >&2", " > /dev/stderr")
    old = open(os.path.join(host.home, file)).read() if shell != "bash" else ""
    host.file(file, text + old)
    before = outer.modes()
    enter(outer, timeout=30)
    assert box.servers()
    outer.line("clear; echo usable")
    outer.wait_row("usable")
    leave(outer, box)
    assert outer.modes() == before
    assert host.logins() == 1


def test_start_file_that_reads_stdin(outer, box, hosts):
    """It must not eat the start record: where it does, the login says so and ends."""
    host = hosts()
    host.file(".bashrc", "cat > eaten &\nsleep 0.1; kill $!\n")
    outer.start(f"{TERN} --connect-timeout 5 far 2> $HOME/err")
    outer.wait(lambda: [r for r in outer.rows() if r][-1:] in ([PROMPT], ["outer$"]), 30)
    if [r for r in outer.rows() if r][-1:] == [PROMPT]:
        outer.line("exit 3")
        assert outer.finish() == 3
    else:
        assert outer.finish() not in (0, 127)
        assert "tern: " in open(f"{box.home}/err").read()


def test_banner(outer, box, hosts):
    host = hosts(config=f"Banner {box.file('banner')}")
    with open(box.file("banner"), "w") as f:
        f.write("Authorised people only\n")
    enter(outer)
    assert history(outer).count("Authorised people only") == 1
    leave(outer, box)
    assert host.logins() == 1


@pytest.mark.parametrize("where", ["client", "host", "both", "nowhere at all"])
def test_no_locale(outer, box, hosts, where):
    """Programs get an UTF-8 locale where the host has one, and the screen is right, whatever the two
    sides have set."""
    hosts(env={"LC_ALL": "POSIX"} if where != "client" else {},
          hide=["/usr/lib/locale"] if where == "nowhere at all" else [])
    start = "env -u LANG LC_ALL=POSIX " if where != "host" else ""
    enter(outer, start + f"{TERN} far")
    outer.line("locale charmap; printf 'gr\\303\\266\\303\\237e \\346\\274\\242\\345\\255\\227\\n'")
    outer.wait_row("größe 漢字")
    assert ("UTF-8" in outer.rows()) == (where != "nowhere at all")
    leave(outer, box)


# ---- prompts ----


def test_host_key_question(outer, box, hosts):
    hosts()
    ask = "-o StrictHostKeyChecking=ask -o UserKnownHostsFile=$HOME/kh"
    outer.start(f"{TERN} {ask} far")
    outer.wait_for("Are you sure you want to continue connecting")
    outer.line("no")
    assert outer.finish() == 255
    assert "Host key verification failed." in outer.rows()
    outer.clear()
    outer.start(f"{TERN} {ask} far")
    outer.wait_for("Are you sure you want to continue connecting")
    outer.line("yes")
    outer.wait_prompt(PROMPT)
    assert "[127.0.0.1]" in open(f"{box.home}/kh").read()
    leave(outer, box)


@pytest.mark.needs("openssl")
def test_password(outer, box, hosts):
    host = hosts(password="right", config="PasswordAuthentication yes")
    outer.start(f"{TERN} -o PubkeyAuthentication=no far")
    outer.wait_for("password:")
    outer.line("wrong")
    outer.wait_for("try again")
    outer.wait(lambda: outer.text().count("password:") == 2)
    outer.line("right")
    outer.wait_prompt(PROMPT)
    assert "right" not in outer.text(history=True) and "wrong" not in outer.text(history=True)
    outer.line("echo visible")
    outer.wait_row("visible")
    leave(outer, box)
    assert host.logins() == 1


@pytest.mark.needs("openssl")
def test_password_never_right(outer, box, hosts):
    hosts(password="right", config="PasswordAuthentication yes")
    outer.start(f"{TERN} -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=2 far")
    for n in (1, 2):
        outer.wait(lambda: outer.text().count("password:") == n)
        outer.line("wrong")
    assert outer.finish() == 255
    assert any("Permission denied" in r for r in outer.rows())
    assert len(ours(outer.rows())) <= 1


@pytest.mark.needs("openssl")
def test_interrupt_at_the_prompt(outer, box, hosts):
    hosts(password="right", config="PasswordAuthentication yes")
    outer.start(f"{TERN} -o PubkeyAuthentication=no far")
    outer.wait_for("password:")
    outer.keys("C-c")
    assert outer.finish() not in (0, 127)
    assert not box.clients() and not procs.named("ssh")


def test_passphrase(outer, box, hosts, keys):
    hosts()
    outer.start(f"{TERN} -i {keys.file('locked')} far")
    outer.wait_for("Enter passphrase")
    outer.line(keys.PASSPHRASE)
    outer.wait_prompt(PROMPT)
    leave(outer, box)


# ---- options and configuration ----


def test_options_are_taken_as_by_ssh(outer, box, hosts, keys):
    host = hosts()
    words = [f"-p {host.port} -i {keys.file('user')} -o IdentitiesOnly=yes -l root -4 -C -a -x -k",
             f"-p{host.port} -oUser=root -4aCxk -i{keys.file('user')} -c aes128-ctr -m hmac-sha2-256",
             f"-e ^b -b 127.0.0.1 -B lo -o Port={host.port} -o 'IdentityFile {keys.file('user')}'"]
    known = f"-o UserKnownHostsFile={host.path('known_hosts')}"
    for n, some in enumerate(words):
        box.script(f"go{n}", f'exec tern -F none {some} {known} "$@"')
        outer.clear()
        enter(outer, f"go{n} " + ("127.0.0.1", "root@127.0.0.1", "-- root@127.0.0.1")[n])
        assert box.servers()
        leave(outer, box)
    assert host.logins() == 3


def test_url_and_options_behind_the_host(outer, box, hosts):
    host = hosts()
    host.ssh_config(f"Host 127.0.0.1\n  IdentityFile {host.keys.file('user')}\n"
                    f"  UserKnownHostsFile {host.path('known_hosts')}\n")
    enter(outer, f"{TERN} ssh://root@127.0.0.1:{host.port}")
    leave(outer, box)
    outer.clear()
    outer.start("tern far -F $F -t 'echo hind; exit 5'")
    assert outer.finish() == 5
    assert "hind" in outer.rows()
    box.wait_no_server()


@pytest.mark.parametrize("address", ["::1"])
def test_ipv6(outer, box, hosts, address):
    hosts(address=address)
    enter(outer, f"{TERN} -6 far")
    outer.line("echo $SSH_CONNECTION | cut -d' ' -f3")
    outer.wait_row("::1")
    [ssh] = procs.named("ssh")
    os.kill(ssh, signal.SIGSTOP)  # only UDP is left
    outer.line("echo $((6*7))=")
    outer.wait_row("42=")
    os.kill(ssh, signal.SIGCONT)
    leave(outer, box)


def test_udp_over_loopback_needs_no_ssh(outer, box, hosts):
    hosts()
    enter(outer)
    for pid in procs.named("ssh"):
        os.kill(pid, signal.SIGKILL)
    outer.line("echo $((6*7))=")
    outer.wait_row("42=")
    leave(outer, box)


def test_udp_ports(outer, box, hosts):
    hosts()
    enter(outer, f"{TERN} --udp-ports 61500:61520 far")
    ports = {int(line.split()[1].split(":")[1], 16) for name in ("udp", "udp6")
             for line in open(f"/proc/net/{name}").readlines()[1:]}
    assert ports & set(range(61500, 61521))
    leave(outer, box)


def test_escape_character_of_ssh(outer, box, hosts):
    host = hosts()
    host.ssh_config("Host far\n  EscapeChar ^b\n")
    enter(outer)
    outer.line("~.")
    outer.wait_for("not found")
    outer.keys("C-b")
    outer.type(".")
    assert outer.finish() == 255
    outer.clear()
    enter(outer, f"{TERN} -e % far")
    outer.type("%.")
    assert outer.finish() == 255
    box.wait_no_server()


@pytest.mark.parametrize("request_tty,words,tty", [
    ("yes", "'tty; exit 4'", True), ("force", "'tty; exit 4'", True), ("no", "'tty; exit 4'", False),
    ("auto", "'tty; exit 4'", False), ("no", "", False), ("yes", "-T 'tty; exit 4'", False),
])
def test_request_tty(outer, box, hosts, request_tty, words, tty):
    host = hosts()
    host.ssh_config(f"Host far\n  RequestTTY {request_tty}\n")
    outer.start(f"{TERN} far {words}")
    if not words:
        wait_until(lambda: host.commands(), 20, "a session")
        outer.line("tty; exit 4")
    assert outer.finish() == 4
    assert any(r.startswith("/dev/pts/") for r in outer.rows()) == tty
    assert ("not a tty" in outer.rows()) == (not tty)
    box.wait_no_server()


def test_remote_command_and_local_command(outer, box, hosts):
    host = hosts()
    host.ssh_config(f"Host far\n  RemoteCommand echo \"by config %r\"; tty; exit 4\n  RequestTTY yes\n"
                    f"  PermitLocalCommand yes\n  LocalCommand echo local %n >> {box.home}/local\n")
    outer.start(f"{TERN} far")
    assert outer.finish() == 4
    rows = outer.rows()
    assert "by config root" in rows and any(r.startswith("/dev/pts/") for r in rows)
    assert open(f"{box.home}/local").read() == "local far\n"
    assert [c.split()[0] for c in host.commands()] == ["command"]
    box.wait_no_server()
    outer.clear()
    outer.start(f"{TERN} far echo two")
    assert outer.finish() == 255
    assert "Cannot execute command-line and remote command." in outer.rows()


def test_hostile_configuration(outer, box, hosts):
    """Nothing that the configuration asks for comes between us and our own master."""
    host = hosts()
    path = os.path.join(box.home, "cm")
    host.ssh_config(f"Host far\n  ControlMaster auto\n  ControlPath {path}\n  ControlPersist 60\n"
                    "  EscapeChar none\n  ForwardAgent no\n  LogLevel INFO\n  ServerAliveInterval 1\n")
    enter(outer)
    outer.line("~.")
    outer.wait_for("not found")
    leave(outer, box)
    assert not os.path.exists(path)
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")


def test_log_options(outer, box, hosts):
    host = hosts()
    enter(outer, f"{TERN} -v -E $HOME/log far")
    text = open(f"{box.home}/log").read()
    assert "debug1: " in text and "debug1: " not in outer.text(history=True)
    leave(outer, box)
    outer.clear()
    enter(outer, f"{TERN} -v far")
    assert "debug1: " in outer.text(history=True)
    outer.line("clear; echo clean")
    outer.wait_row("clean")
    assert "debug1: " not in outer.text()
    leave(outer, box)
    outer.clear()
    enter(outer, f"{TERN} -q far")
    leave(outer, box)
    assert host.logins() == 3


def test_version_is_ours_and_ssh_s(box):
    p = box.run("tern", "-V")
    assert p.returncode == 0 and re.match(r"tern \d+\.\d+", (p.stdout + p.stderr))


def test_session_that_was_left(outer, box, hosts):
    """Listed, attached again, ended: by naming the host."""
    host = hosts()
    enter(outer, f"{TERN} --name kept far")
    outer.line("echo before")
    outer.wait_row("before")
    outer.type("~d")
    assert outer.finish() == 0
    wait_until(lambda: not procs.named("ssh"), what="no ssh left")
    assert "tern --attach kept far" in outer.text()
    p = host.tern("--ls", "far")
    assert p.returncode == 0 and p.stdout.startswith("NAME ") and "\nkept " in p.stdout and not p.stderr
    outer.clear()
    enter(outer, f"{TERN} --attach kept far")
    assert "before" in outer.rows()
    outer.type("~d")
    assert outer.finish() == 0
    assert host.tern("--kill", "no such", "far").returncode not in (0, 127, 255)
    assert host.tern("--kill", "kept", "far").returncode == 0
    box.wait_no_server()
    outer.clear()
    outer.start(f"{TERN} --attach kept far")
    assert outer.finish() not in (0, 127)
    assert "no session named kept" in outer.text()
