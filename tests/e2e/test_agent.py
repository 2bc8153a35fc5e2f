"""-A over a real sshd: ssh-agent and ssh-add of OpenSSH, from commands and from sessions that one comes
back to."""
import os
import re
import shlex
import signal
import socket
import stat
import subprocess

import pytest

from lib.sshd import PROMPT
from lib.wait import stays, wait_until

pytestmark = pytest.mark.needs("ssh-agent", "ssh-add")


class Agent:
    """An ssh-agent with one key."""

    def __init__(self, box, keys, name="user"):
        self.box, self.keys, self.name = box, keys, name
        self.path = box.file(f"{name}.agent")
        self.start()
        box.on_close(self.close)

    def start(self):
        self.proc = subprocess.Popen(["ssh-agent", "-D", "-a", self.path], stdout=subprocess.DEVNULL)
        add = ["ssh-add", "-q", self.keys.file(self.name)]
        wait_until(lambda: subprocess.run(add, env=self.env, stderr=subprocess.DEVNULL).returncode == 0, 10, "an agent")
        key = subprocess.run(["ssh-keygen", "-lf", self.keys.file(self.name)], capture_output=True, text=True)
        self.listed = key.stdout

    def close(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            self.proc.wait(10)
        if os.path.exists(self.path):
            os.unlink(self.path)

    @property
    def env(self):
        return {**self.box.env, "SSH_AUTH_SOCK": self.path}


@pytest.fixture
def agent(box, keys):
    return Agent(box, keys)


def tern(box, env, *words, timeout=30, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(["tern", "-F", box.env["F"], *words], env=env, capture_output=True, text=True,
                          timeout=timeout, cwd=box.home, **more)


def forwarded(box, host, env, *words):
    """What a command there sees: status, the agent's list, complaints."""
    p = tern(box, env, *words, host, 'echo "${SSH_AUTH_SOCK-none}"; ssh-add -l')
    return p.stdout, p.stderr, p.returncode


# ---- commands


def test_a_command_lists_and_signs(box, hosts, keys, agent):
    far = hosts()
    far.file("key.pub", keys.public("user") + "\n")
    p = tern(box, agent.env, "-A", "far", 'echo $SSH_AUTH_SOCK; ls -ld "$SSH_AUTH_SOCK" "${SSH_AUTH_SOCK%/*}"; '
             "ssh-add -l; ssh-add -T key.pub && echo signed")
    assert p.returncode == 0 and p.stderr == "", p.stderr
    path, of_folder, of_socket, *rest = p.stdout.splitlines()
    assert rest == [agent.listed.strip(), "signed"]
    assert of_socket.startswith("srw-------") and of_folder.startswith("drwx------")
    assert re.fullmatch(rf"{box.env['TERN_TMPDIR']}/tern-0/agent-\d+-[0-9a-f]{{16}}", path)
    box.wait_no_server()
    assert not os.path.exists(path)
    # As with ssh, but for the path.
    q = subprocess.run(["ssh", "-F", box.env["F"], "-A", "far", "ssh-add -l"], env=agent.env, capture_output=True,
                       stdin=subprocess.DEVNULL, text=True)
    assert q.stdout == agent.listed


def test_it_logs_in_to_the_next_host(box, hosts, keys, agent):
    """What people use it for: the key is nowhere but in the agent."""
    hosts()
    hosts("next")
    with open(box.env["F"]) as f:
        other = re.search(r"Host next\n(.*?)(?=\nHost |\Z)", f.read(), re.S).group(1)
    port = re.search(r"Port (\d+)", other).group(1)
    p = tern(box, agent.env, "-A", "far", "ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
             f"-o LogLevel=ERROR -p {port} root@127.0.0.1 echo there")
    assert (p.stdout, p.stderr, p.returncode) == ("there\n", "", 0)


def test_without_it_there_is_none(box, hosts, agent):
    hosts()
    for words in ([], ["-a"], ["-A", "-a"], ["-o", "ForwardAgent=no"]):
        assert forwarded(box, "far", agent.env, *words)[0] == "none\n"


def test_configured(box, hosts, keys, agent):
    far = hosts()
    other = Agent(box, keys, "stranger")
    for config, listed in (("ForwardAgent yes", agent.listed), (f"ForwardAgent {other.path}", other.listed),
                           ("ForwardAgent $OTHER", other.listed),
                           (f"ForwardAgent yes\n    IdentityAgent {other.path}", other.listed)):
        box.ssh = far.ssh_config(f"Host far\n    {config}\n")
        out, err, status = forwarded(box, "far", {**agent.env, "OTHER": other.path})
        assert (out.split("\n", 1)[1], status) == (listed, 0), config
        assert "tern" not in err  # ssh itself complains of $OTHER, wrongly


@pytest.mark.parametrize("env,words,line", [
    ({}, ["-A"], "tern: no agent to forward: SSH_AUTH_SOCK is not set; is an ssh-agent running?\n"),
    ({"SSH_AUTH_SOCK": "/nowhere"}, ["-A"], "tern: no agent to forward: /nowhere: No such file or directory\n"),
    ({}, ["-A", "-q"], ""), ({}, ["-A", "-o", "IdentityAgent=none"], "tern: no agent to forward: IdentityAgent is none\n"), ({}, ["-o", "ForwardAgent=yes"], ""),
    ({}, ["-v", "-o", "ForwardAgent=yes"], "tern: no agent to forward: SSH_AUTH_SOCK is not set; is an ssh-agent running?\n"),
])
def test_no_agent_here(box, hosts, env, words, line):
    hosts()
    out, err, status = forwarded(box, "far", {**box.env, **env}, *words)
    told = "".join(f"{one}\n" for one in err.splitlines() if "no agent to forward" in one)
    assert (out, told) == ("none\n", line)


# ---- what sshd forbids


@pytest.mark.parametrize("more", [
    {"config": "AllowAgentForwarding no"}, {"config": "DisableForwarding yes"},
    {"key_options": "no-agent-forwarding"}, {"key_options": "restrict"},
    {"tail": "Match User root\n    AllowAgentForwarding no\n"},
], ids=["AllowAgentForwarding", "DisableForwarding", "no-agent-forwarding", "restrict", "Match"])
def test_what_sshd_forbids_stays_forbidden(box, hosts, agent, more):
    far = hosts(**more)
    # A start file that names some agent is not sshd's word.
    far.file(".bashrc", "export SSH_AUTH_SOCK=/tmp/of-somebody-else\n")
    out, err, _ = forwarded(box, "far", agent.env, "-A")
    assert out == "/tmp/of-somebody-else\n"
    assert err.startswith("tern: far does not allow agent forwarding for this login\n")
    assert "not allow" not in forwarded(box, "far", agent.env, "-A", "-q")[1]


@pytest.mark.parametrize("more", ["", ",no-agent-forwarding", ",restrict"])
def test_a_forced_command(box, hosts, agent, more):
    """It has the agent where sshd allows it, as with ssh; what the client asks to run does not count."""
    hosts(key_options=f'command="tern-server -- ssh-add -l"{more}')
    p = tern(box, agent.env, "-A", "far", "echo not this")
    assert p.stdout == ("" if more else agent.listed)
    assert p.stderr == ("tern: far does not allow agent forwarding for this login\n"
                        "Could not open a connection to your authentication agent.\n" if more else "")


def test_allowed_where_the_rest_is_not(box, hosts, agent):
    hosts(key_options="restrict,agent-forwarding")
    out, err, status = forwarded(box, "far", agent.env, "-A")
    assert (out.split("\n", 1)[1], err, status) == (agent.listed, "", 0)


def test_another_account(box, hosts, agent):
    """sshd drops its rights for it, and the agent's folder is the account's."""
    hosts(user="far")
    out, err, status = forwarded(box, "far", agent.env, "-A")
    assert (out.split("\n", 1)[1], err, status) == (agent.listed, "", 0)


def test_a_client_that_lies_is_refused(box, hosts, agent):
    """The judgement is the server's: an ssh that does not ask sshd has no word."""
    hosts()
    box.script("liar", 'for w; do shift; case "$w" in ForwardAgent=yes) w=ForwardAgent=no;; esac; set -- "$@" "$w"; done\n'
               'exec ssh "$@"')
    out, err, _ = forwarded(box, "far", agent.env, "--ssh=liar", "-A")
    assert out == "none\n" and "does not allow agent forwarding" in err


def test_without_a_tern_server_there(box, hosts, agent):
    """By plain ssh, through the same login."""
    far = hosts(server=False)
    out, err, status = forwarded(box, "far", agent.env, "-A")
    assert (out.split("\n", 1)[1], err, status, far.logins()) == (agent.listed, "", 0, 1)


def test_on_this_machine(box, agent):
    """All of it without ssh."""
    p = box.run("env", f"SSH_AUTH_SOCK={agent.path}", "tern", "--local", "-A", "--", "echo $SSH_AUTH_SOCK; ssh-add -l")
    path, listed = p.stdout.split("\n", 1)
    assert "/tern-0/agent-" in path and (listed, p.stderr, p.returncode) == (agent.listed, "", 0)
    p = box.run("tern", "--local", "--forward-agent", "--", "echo ${SSH_AUTH_SOCK-none}")
    assert p.stdout == "none\n" and p.stderr.startswith("tern: no agent to forward: SSH_AUTH_SOCK is not set")


# ---- sessions


class Session:
    def __init__(self, box, window):
        self.box, self.w, self.n = box, window, 0

    def enter(self, env, *words):
        self.w.enter("".join(f"{k}={v} " for k, v in env.items()) + shlex.join(["tern", "-F", self.box.env["F"], *words]),
                     PROMPT)

    def run(self, command, timeout=20):
        """What it prints."""
        self.n += 1
        done = os.path.join(self.box.root, "far", "home", f"done-{id(self)}-{self.n}")
        self.w.line(f"({command}) > some 2>&1; mv some {done}")
        wait_until(lambda: os.path.exists(done), timeout, command, self.w.text)
        with open(done) as f:
            return f.read().strip()

    def listed(self):
        return self.run("timeout 10 ssh-add -l")

    def detach(self):
        self.w.type("\r~d")
        assert self.w.finish(20) == 0

    def leave(self, status=0):
        self.w.line(f"exit {status}")
        assert self.w.finish(20) == status


@pytest.fixture
def session(box, outer):
    return Session(box, outer)


REFUSED = "Error connecting to agent: "


def test_the_path_of_a_session_stays(box, hosts, keys, agent, session):
    """Through detaching and coming back, also from another client with another agent."""
    hosts()
    other = Agent(box, keys, "stranger")
    one, two = ({"SSH_AUTH_SOCK": a.path} for a in (agent, other))
    session.enter(one, "-A", "--name=work", "far")
    path = session.run("echo $SSH_AUTH_SOCK")
    fingerprints = [a.listed.split()[1] for a in (agent, other)]
    assert fingerprints[0] in session.listed()
    # A watcher that goes on while nobody is attached.
    session.w.line("(until [ -e stop ]; do timeout 5 ssh-add -l > now 2>&1; mv now last; sleep 0.1; done) &")
    home = os.path.join(box.root, "far", "home")

    def last():
        try:
            with open(os.path.join(home, "last")) as f:
                return f.read()
        except FileNotFoundError:
            return ""
    wait_until(lambda: fingerprints[0] in last(), 10, "the watcher's list")
    session.detach()
    wait_until(lambda: REFUSED in last(), 10, "no agent while nobody is there", last)
    assert not os.path.exists(path)
    session.enter(two, "-A", "--attach", "work", "far")
    wait_until(lambda: fingerprints[1] in last(), 10, "the other agent", last)
    assert session.run("echo $SSH_AUTH_SOCK") == path
    session.detach()
    session.enter(one, "--attach", "work", "far")  # without -A
    assert REFUSED in session.listed()
    session.detach()
    session.enter(one, "--attach", "work", "-A", "far")
    assert fingerprints[0] in session.listed()
    open(os.path.join(home, "stop"), "w").close()
    session.leave()
    box.wait_no_server()
    assert not os.path.exists(path)


def test_two_clients_at_once(box, hosts, keys, agent, session):
    """Who typed last is asked."""
    hosts()
    other = Agent(box, keys, "stranger")
    fingerprints = [a.listed.split()[1] for a in (agent, other)]
    session.enter({"SSH_AUTH_SOCK": agent.path}, "-A", "--name=work", "far")
    second = Session(box, box.tmux.shell())
    second.enter({"SSH_AUTH_SOCK": other.path}, "-A", "--attach", "work", "far")
    for _ in range(2):
        assert fingerprints[1] in second.listed()
        assert fingerprints[0] in session.listed()
    second.detach()
    assert fingerprints[0] in session.listed()
    session.leave()


def test_an_attachment_to_a_session_without_one(box, hosts, agent, session):
    hosts()
    session.enter({}, "--name=work", "far")
    session.detach()
    session.enter({"SSH_AUTH_SOCK": agent.path}, "-A", "--attach", "work", "far")
    # The bar has it for a second; a slow machine might not see it.
    wait_until(lambda: "agent forwarding: this session was started without it" in box.log_text(10 ** 6), 15, "a line")
    session.leave()


def test_start_files_may_use_it_at_once(box, hosts, agent, session):
    """Before the client could offer anything: they wait for it."""
    far = hosts()
    with open(os.path.join(far.home, ".bash_profile"), "a") as f:
        f.write("ssh-add -l > at-login 2>&1\n")
    session.enter({"SSH_AUTH_SOCK": agent.path}, "-A", "far")
    with open(os.path.join(far.home, "at-login")) as f:
        assert f.read() == agent.listed
    session.leave()


def test_no_agent_is_told_before_a_session(box, hosts, session):
    hosts()
    box.env["SSH_AUTH_SOCK"] = ""
    session.enter({"SSH_AUTH_SOCK": "/nowhere"}, "-o", "ForwardAgent=yes", "far")
    session.leave()
    assert "tern: no agent to forward: /nowhere" in session.w.text(history=True)


# ---- agents and clients that misbehave


def test_an_agent_that_ends_and_comes_back(box, hosts, agent):
    hosts()
    p = subprocess.Popen(["tern", "-F", box.env["F"], "-A", "far", "while read x; do timeout 10 ssh-add -l 2>/dev/null || echo none; done"],
                         env=agent.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask():
        p.stdin.write("now\n")
        p.stdin.flush()
        return p.stdout.readline()
    assert ask() == agent.listed
    agent.close()
    assert ask() == "none\n"  # at once
    agent.start()
    assert ask() == agent.listed
    p.stdin.close()
    p.stdout.read()
    assert p.wait(20) == 0


def alive(pid):
    try:
        os.waitpid(pid, os.WNOHANG)  # as init would
    except ChildProcessError:
        pass
    return os.path.exists(f"/proc/{pid}")


def silent(path):
    """Somebody who listens and says nothing."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1000)
    return s


def test_an_agent_that_never_answers(box, hosts, agent):
    """Holds up who asks it, and nothing else."""
    hosts()
    path = box.file("silent")
    with silent(path):
        p = tern(box, agent.env, "-o", f"ForwardAgent={path}", "far", "timeout 1 ssh-add -l; echo $?; timeout 1 ssh-add -l; echo $?; "
                 "seq 100000 | tail -1")
    assert p.stdout == "124\n124\n100000\n" and p.returncode == 0


FLOOD = """
import os, socket, time
path, conns = os.environ["SSH_AUTH_SOCK"], []
def closed():
    n = 0
    for s in conns:
        try:
            n += s.recv(1) == b""
        except ConnectionResetError:
            n += 1
        except BlockingIOError:
            pass
    return n
for i in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.setblocking(False)
    conns.append(s)
until = time.time() + 10
while closed() < 600 and time.time() < until:
    time.sleep(0.1)
time.sleep(0.5)
print(closed())
"""


def test_a_flood_of_connections(box, hosts, agent):
    """There are caps on both ends, and afterwards all is as before."""
    far = hosts()
    far.file("flood.py", FLOOD)
    path = box.file("silent")
    with silent(path):
        p = subprocess.Popen(["tern", "-F", box.env["F"], "-o", f"ForwardAgent={path}", "far", "ulimit -n 4096; python3 flood.py 2>&1; read x; ssh-add -l"],
                             env=agent.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert int(p.stdout.readline()) == 900 - 256
        os.unlink(path)
        os.symlink(agent.path, path)
    out, _ = p.communicate("go\n", timeout=30)
    assert out == agent.listed and p.returncode == 0


def test_a_killed_client_leaves_nothing(box, hosts, agent, session):
    hosts()
    session.enter({"SSH_AUTH_SOCK": agent.path}, "-A", "--name=work", "far")
    path = session.run("echo $SSH_AUTH_SOCK")
    servers = box.servers()
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    for pid in box.clients():
        os.kill(pid, signal.SIGTERM)
    session.w.finish(20)
    for pid in servers:
        wait_until(lambda: not alive(pid), 10, "its end")
    assert stat.S_ISSOCK(os.lstat(path).st_mode)
    session.enter({"SSH_AUTH_SOCK": agent.path}, "-A", "far")  # the next one tidies up
    assert not os.path.exists(path)
    session.leave()


# ---- the network


@pytest.mark.needs("ip")
def test_outage_and_move(box, netlab, hosts, agent):
    """Who asks in an outage is answered behind it, at another address."""
    far = hosts("far", address=netlab.SERVER4, enter=netlab.enter("s"), port=2200)
    home = far.home
    p = subprocess.Popen([*netlab.enter("c"), "tern", "-F", box.env["F"], "-A", "far",
                          "ssh-add -l; touch ready; until [ -e go ]; do sleep 0.1; done; ssh-add -l; touch done; ssh-add -l"],
                         env=agent.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: os.path.exists(f"{home}/ready"), 20, "the first list")
    netlab.do("down")
    open(f"{home}/go", "w").close()
    stays(lambda: not os.path.exists(f"{home}/done"), 3)
    netlab.do("addr 10.77.0.2")
    netlab.do("up")
    out, _ = p.communicate(timeout=60)
    assert out == 3 * agent.listed and p.returncode == 0
    assert far.logins() == 1
    box.wait_no_server(40)  # before the network goes
