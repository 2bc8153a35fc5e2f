"""Many channels on one link, by tools/channels: `tern` itself opens one for each command."""
import os
import subprocess

from lib import procs
from lib.wait import wait_until


def soft_limit(pid):
    with open(f"/proc/{pid}/limits") as f:
        return next(line.split()[3] for line in f if line.startswith("Max open files"))


def test_a_thousand_commands_at_once(box):
    """With as few descriptors as most systems give at first."""
    tool = os.path.join(box.build, "tools", "channels")
    p = subprocess.Popen(["bash", "-c", 'ulimit -Sn 1024; exec timeout 60 "$0" 1000 "echo up; exec cat" "$1"', tool,
                          os.path.join(box.build, "tern-server")],
                         env=box.env, cwd=box.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "ready\n", p.stderr.read()
        for word in ("one", "two"):
            p.stdin.write(word + "\n")
            p.stdin.flush()
            assert p.stdout.readline() == "asked\n", p.stderr.read()
        commands = procs.named("cat")
        assert len(commands) == 1000
        assert {soft_limit(pid) for pid in commands} == {"1024"}
        out, err = p.communicate(timeout=30)
        assert (p.returncode, out, err) == (0, "", "")
    finally:
        p.kill()
        p.wait()
    box.wait_no_server()
    wait_until(lambda: len(procs.named("cat")) == 0, what="the end of the commands")
