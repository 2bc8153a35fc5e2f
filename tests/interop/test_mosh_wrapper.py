"""The stock wrapper `mosh` with --server and --client in all combinations, with and without (a stand-in
for) ssh."""
import shlex

import pytest

from moshes import COMBOS, NAMES, PROMPT

pytestmark = pytest.mark.needs("mosh")
each = pytest.mark.parametrize("client,server", COMBOS, ids=NAMES)

# Takes ssh's options, then runs what the far host's shell would.
FAKE_SSH = r"""
printf '%s\n' "$*" >> "$HOME/ssh-args"
export SSH_CONNECTION='127.0.0.1 40000 127.0.0.1 22'
while [ $# -gt 0 ]; do
    case $1 in
        -n|-tt|-4|-6) shift ;;
        -S|-o) shift 2 ;;
        *) break ;;
    esac
done
[ "$1" = -- ] && shift
[ "$1" = me@127.0.0.1 ] || exit 9
shift
[ "$1" = -- ] && shift
echo "a noisy start file"
exec sh -c "$*"
"""


def start(moshes, client, server, options, host, command):
    words = ["mosh", f"--server={moshes.path(server, 'mosh-server')}",
             f"--client={moshes.path(client, 'mosh-client')}", "--predict=never", *options, "--", host, *command]
    moshes.box.script("go", f"MOSH_SERVER_NETWORK_TMOUT=20 SHELL=/bin/bash exec {shlex.join(words)}")
    w = moshes.box.tmux.shell()
    w.start("go")
    return w


@each
def test_local(moshes, client, server):
    w = start(moshes, client, server, ["--local", "-p", "62000:62400"], "127.0.0.1", ["inner"])
    w.wait_row(PROMPT)
    w.line("echo $TERM $((6*7)); stty size")
    w.wait_row("xterm-256color 42")
    w.wait_row("24 80")
    w.line("exit")
    assert w.finish() == 0


@each
def test_over_ssh(moshes, client, server):
    """The address found locally and by the server's SSH_CONNECTION; a login shell."""
    ssh = moshes.box.script("fake-ssh", FAKE_SSH)
    for way in ["local", "remote"]:
        w = start(moshes, client, server, [f"--ssh={ssh}", f"--experimental-remote-ip={way}", "-p", "62000:62400"],
                  "me@127.0.0.1", [])
        w.wait(lambda w=w: "login$" in [r.strip() for r in w.rows()], 20, "the login shell")
        w.line("shopt -q login_shell && echo is a login shell")
        w.wait_row("is a login shell")
        w.keys("C-^", ".")
        assert w.finish() == 0
    with open(f"{moshes.box.home}/ssh-args") as f:
        assert "mosh-server" in f.read()
