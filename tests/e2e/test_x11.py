"""-X and -Y over a real sshd, to a real X server."""
import os
import re
import secrets
import socket
import subprocess

import pytest

from lib.wait import stays, wait_until

pytestmark = pytest.mark.needs("Xvfb", "xauth", "xdpyinfo", "xwininfo")

ALLOW = "X11Forwarding yes"


class Display:
    """Xvfb that wants a cookie."""

    def __init__(self, box):
        self.box, self.file, self.cookie = box, box.file("xauthority"), secrets.token_hex(16)
        r, w = os.pipe()
        self.xauth("add", ":77777", ".", self.cookie)  # whatever the number: Xvfb takes any entry
        self.proc = subprocess.Popen(["Xvfb", "-displayfd", str(w), "-auth", self.file, "-nolisten", "tcp", "-noreset",
                                      "-screen", "0", "640x480x24"], pass_fds=[w], stderr=subprocess.DEVNULL, env={**box.env, "TMPDIR": "/tmp"})
        os.close(w)
        with os.fdopen(r) as f:
            self.name = f":{int(f.readline())}"
        os.unlink(self.file)
        self.xauth("add", self.name, ".", self.cookie)
        box.on_close(self.close)

    def xauth(self, *words):
        subprocess.run(["xauth", "-q", "-f", self.file, *words], check=True, env=self.box.env, capture_output=True)

    @property
    def env(self):
        return {**self.box.env, "DISPLAY": self.name, "XAUTHORITY": self.file}

    def windows(self):
        p = subprocess.run(["xwininfo", "-root", "-tree"], env=self.env, capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def close(self):
        self.proc.terminate()
        self.proc.wait(10)


@pytest.fixture
def display(box):
    return Display(box)


def tern(box, env, *words, timeout=40):
    return subprocess.run(["tern", "-F", box.env["F"], *words], env=env, capture_output=True, text=True, timeout=timeout,
                          cwd=box.home, stdin=subprocess.DEVNULL)


def start(box, env, *words, enter=()):
    p = subprocess.Popen([*enter, "tern", "-F", box.env["F"], *words], env=env, text=True, cwd=box.home,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    box.on_close(lambda: p.poll() is None and (p.kill(), p.communicate()))
    return p


def test_trusted(box, hosts, display):
    far = hosts(config=ALLOW)
    far.file(".Xauthority", "")  # else xauth tells that it makes one, with ssh too
    p = tern(box, display.env, "-Y", "far", "echo $DISPLAY; xauth list $DISPLAY; xdpyinfo -queryExtensions")
    assert (p.returncode, p.stderr) == (0, "")
    name, cookie, info = p.stdout.split("\n", 2)
    assert re.fullmatch(r"localhost:1\d\.0", name)
    assert " MIT-MAGIC-COOKIE-1 " in cookie and display.cookie not in cookie
    assert f"name of display:    {name}\n" in info and "dimensions:    640x480 pixels" in info and "XTEST" in info
    # The display's cookie is nowhere on the far side.
    with open(os.path.join(far.home, ".Xauthority"), "rb") as f:
        assert bytes.fromhex(display.cookie) not in f.read()


def test_untrusted(box, hosts, display):
    """Extensions that are not for everybody are not there, as with ssh -X."""
    far = hosts(config=ALLOW)
    far.file(".Xauthority", "")
    words = ["-o", "ForwardX11Trusted=no", "-X", "far", "xdpyinfo -queryExtensions"]
    p = tern(box, display.env, *words)
    q = subprocess.run(["ssh", "-F", box.env["F"], *words], env=display.env, capture_output=True, text=True)
    assert (p.returncode, p.stderr) == (q.returncode, q.stderr) == (0, "")

    def extensions(text):
        return sorted(re.findall(r"^    (\S.*?)  ?\(", text, re.M))
    assert extensions(p.stdout) == extensions(q.stdout) and "XTEST" not in p.stdout
    assert not [f for f in os.listdir(os.path.join(box.env["TERN_TMPDIR"], "tern-0")) if f.startswith("x-")]
    assert far.logins() == 2


def test_without_a_tern_server_there(box, hosts, display):
    """By plain ssh, through the same login."""
    far = hosts(config=ALLOW, server=False)
    far.file(".Xauthority", "")
    p = tern(box, display.env, "-Y", "far", "xdpyinfo")
    assert (p.returncode, p.stderr, far.logins()) == (0, "", 1) and "640x480" in p.stdout


def test_an_untrusted_cookie_is_lent_for_a_time(box, hosts, display):
    hosts(config=ALLOW)
    p = tern(box, display.env, "-o", "ForwardX11Trusted=no", "-o", "ForwardX11Timeout=3", "-X", "far",
             "xdpyinfo >/dev/null && echo one; sleep 4; xdpyinfo >/dev/null 2>&1 || echo two")
    assert p.stdout == "one\ntwo\n"


@pytest.mark.parametrize("more", [
    {"config": "X11Forwarding no"}, {"config": f"{ALLOW}\nDisableForwarding yes"},
    {"config": ALLOW, "key_options": "no-X11-forwarding"}, {"config": ALLOW, "key_options": "restrict"},
    {"config": ALLOW, "tail": "Match User root\n    X11Forwarding no\n"},
], ids=["X11Forwarding", "DisableForwarding", "no-X11-forwarding", "restrict", "Match"])
def test_what_sshd_forbids_stays_forbidden(box, hosts, display, more):
    far = hosts(**more)
    far.file(".bashrc", "export DISPLAY=:99\n")  # is not sshd's word
    p = tern(box, display.env, "-Y", "far", "echo $DISPLAY")
    assert p.stdout == ":99\n" and p.returncode == 0
    assert p.stderr == "X11 forwarding request failed on channel 1\n"  # ssh's own words


def test_bound_as_sshd_binds(box, hosts, display):
    """X11DisplayOffset, and X11UseLocalhost, by sshd's own display."""
    hosts(config=f"{ALLOW}\nX11DisplayOffset 40\nX11UseLocalhost no")
    p = tern(box, display.env, "-Y", "far", "echo $DISPLAY; xdpyinfo | head -1")
    assert re.fullmatch(rf"({re.escape(socket.gethostname())}:4\d\.0)\nname of display:    \1\n", p.stdout), p.stderr


@pytest.mark.parametrize("env,words,line", [
    ({"DISPLAY": ""}, ["-X"], "DISPLAY is not set"),
    ({"DISPLAY": "$(reboot):0"}, ["-X"], "DISPLAY is $(reboot):0, which is no name of a display"),
    ({}, ["-Y", "-o", "XAuthLocation=/nowhere/xauth"], "/nowhere/xauth is not there; install xauth, or set XAuthLocation"),
    ({"DISPLAY": ":4711"}, ["-X", "-o", "ForwardX11Trusted=no"], "the display :4711 makes no untrusted cookie; -Y does without"),
])
def test_nothing_to_forward(box, hosts, display, env, words, line):
    hosts(config=ALLOW)
    p = tern(box, {**display.env, **env}, *words, "far", 'echo "${DISPLAY-none}"')
    assert (p.stdout, p.stderr) == ("none\n", f"tern: no display to forward: {line}\n")


def test_rc_files_take_the_cookie(box, hosts, display):
    far = hosts(config=ALLOW)
    far.file(".ssh/rc", "read proto cookie; echo \"$DISPLAY $proto $cookie\" >> rc-said\n"
             "echo add \"unix:${DISPLAY#*:}\" $proto $cookie | xauth -q -\n")
    p = tern(box, display.env, "-Y", "far", "echo $DISPLAY; xdpyinfo > /dev/null && echo shown")
    name, shown = p.stdout.split()
    assert shown == "shown"
    with open(os.path.join(far.home, "rc-said")) as f:  # sshd's for its own display, then ours
        assert re.fullmatch(rf"{re.escape(name)} MIT-MAGIC-COOKIE-1 [0-9a-f]{{32}}", f.read().splitlines()[-1])


def test_a_wrong_cookie_is_refused(box, hosts, display):
    """By the client: the display does not even hear of it."""
    hosts(config=ALLOW)
    p = tern(box, display.env, "-Y", "far", "xauth -q -f other add $DISPLAY . 00112233445566778899aabbccddeeff; "
             "XAUTHORITY=$PWD/other xdpyinfo || XAUTHORITY=/dev/null xdpyinfo || echo refused; xdpyinfo >/dev/null && echo shown")
    assert p.stdout == "refused\nshown\n"
    with open(box.logs[0]) as f:
        assert len(re.findall(r"X11 \d+: wrong authentication", f.read())) == 2


HALF = """
import os, socket, time
number = int(os.environ["DISPLAY"].split(":")[1].split(".")[0])
conns = []
for i in range(300):
    s = socket.create_connection(("127.0.0.1", 6000 + number))
    s.sendall((b"", b"l", b"B\\0\\0\\13\\0\\0\\0\\22\\0\\20\\0\\0MIT")[i % 3])
    conns.append(s)
time.sleep(1)
print(os.system("xdpyinfo >/dev/null 2>&1"), flush=True)
for s in conns:
    s.close()
for i in range(50):
    if os.system("xdpyinfo >/dev/null 2>&1") == 0:
        print("again", flush=True)
        break
    time.sleep(0.2)
"""


def test_clients_that_do_not_finish_their_first_words(box, hosts, display):
    """There is a cap; they hold up nothing but what is over it."""
    far = hosts(config=ALLOW)
    far.file("half.py", HALF)
    p = tern(box, display.env, "-Y", "far", "python3 half.py; seq 100000 | tail -1")
    status, *rest = p.stdout.split()
    assert status != "0" and rest == ["again", "100000"]


def test_a_session_that_one_comes_back_to(box, hosts, display, outer):
    """DISPLAY stays; what is shown ends with its client, and what is started then shows again."""
    far = hosts(config=ALLOW)
    box.script("tern-y", f"DISPLAY={display.name} XAUTHORITY={display.file} exec tern -F $F -Y \"$@\"")

    def show(n):
        outer.line(f"xdpyinfo > some 2>&1; echo $DISPLAY >> some; mv some shown-{n}")
        path = os.path.join(far.home, f"shown-{n}")
        wait_until(lambda: os.path.exists(path), 20, "xdpyinfo's end")
        with open(path) as f:
            text = f.read()
        return text.splitlines()[-1], "640x480" in text
    outer.enter("tern-y --name=work far", "far$")
    name, shown = show(1)
    assert shown and name.startswith("localhost:")
    outer.line("(sleep 1; xdpyinfo > away 2>&1; mv away was-away) &")
    outer.type("\r~d")
    assert outer.finish(20) == 0
    wait_until(lambda: os.path.exists(os.path.join(far.home, "was-away")), 20, "its end while nobody is there")
    with open(os.path.join(far.home, "was-away")) as f:
        assert "unable to open display" in f.read()
    outer.enter("tern-y --attach work far", "far$")
    assert show(2) == (name, True)
    outer.line("exit")
    assert outer.finish(20) == 0


@pytest.mark.needs("xterm")
def test_outage_and_move(box, netlab, hosts, display):
    """An xterm over there stands still, and goes on from another address."""
    far = hosts("far", address=netlab.SERVER4, enter=netlab.enter("s"), port=2200, config=ALLOW)
    far.script("shown", "printf '\\033]2;before\\007'; until [ -e go ]; do sleep 0.1; done\n"
               "printf '\\033]2;behind\\007'; until [ -e stop ]; do sleep 0.1; done")
    p = start(box, display.env, "-Y", "far", "xterm -e shown", enter=netlab.enter("c"))
    wait_until(lambda: '"before"' in display.windows(), 30, "a window", lambda: display.windows())
    netlab.do("down")
    open(os.path.join(far.home, "go"), "w").close()
    stays(lambda: '"before"' in display.windows(), 2)
    netlab.do("addr 10.77.0.2")
    netlab.do("up")
    wait_until(lambda: '"behind"' in display.windows(), 30, "it goes on")
    open(os.path.join(far.home, "stop"), "w").close()
    p.communicate(timeout=30)
    assert p.returncode == 0 and far.logins() == 1
    box.wait_no_server(40)
