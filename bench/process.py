"""How fast a program may print: the engine as a process behind a pty, beside mosh-server and tmux, without a network."""
import os
import re
import shlex
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import streams
from local import SIZES, TITLES, Terminal, middle

COLS, ROWS = SIZES[0]
# Prints the file, says how long that took, and stays until a line is typed, so that its server can be looked at.
INNER = 'a=$EPOCHREALTIME; cat "$1"; b=$EPOCHREALTIME; echo "$a $b" > "$2.new"; mv "$2.new" "$2"; read line'
PATIENCE = 120  # seconds


def environment():
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "USER")}
    return env | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}


class Client:
    """One way to run the program in a pty: command(words), and who its server is."""

    def __init__(self, title, server, command):
        self.title, self.server, self.command = title, server, command


def tern(build, words, env):
    return [str(build / "tern"), "--local", "--detach-timeout=10", "--", shlex.join(words)], env


def mosh(_, words, env):
    out = subprocess.run(["mosh-server", "new", "-i", "127.0.0.1", "-c", "256", "--", *words], env=env,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    port, key = re.search(r"MOSH CONNECT (\d+) (\S+)", out).groups()
    return ["mosh-client", "127.0.0.1", port], env | {"MOSH_KEY": key}


def tmux(_, words, env):
    return ["tmux", "-f", "/dev/null", "-L", f"tern-bench-{os.getpid()}", "new-session", shlex.join(words)], env


CLIENTS = [Client("tern-server", "tern-server", tern), Client("mosh-server", "mosh-server", mosh),
           Client("tmux", "tmux: server", tmux)]


def pids(comm):
    """Ids of the processes of that name (15 characters are kept of it)."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().rstrip("\n") == comm[:15]:
                    found.add(int(entry.name))
            except OSError:
                pass
    return found


def cpu_ms(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def run_once(build, client, stream, folder):
    """(MB/s as the program sees it, server's CPU in ms for each MB)"""
    done = Path(folder) / "done"
    done.unlink(missing_ok=True)
    before = pids(client.server)
    command, env = client.command(build, ["bash", "-c", INNER, "bench", str(stream), str(done)], environment())
    t = Terminal(command, env)
    try:
        end = time.monotonic() + PATIENCE
        while not done.exists():
            if t.ended() or time.monotonic() > end:
                raise RuntimeError(f"{client.title} did not print {stream}")
            t.read(0.01)
            t.seen = b""
        servers = pids(client.server) - before
        spent = sum(map(cpu_ms, servers))
        began, ended = map(float, done.read_text().split())
        size = os.path.getsize(stream) / 1e6
        t.settle(0.2)
        t.type(b"\r")
        while not t.ended() and time.monotonic() < end:
            t.read(0.05)
        return size / (ended - began), spent / size
    finally:
        if not t.ended():
            os.kill(t.pid, signal.SIGTERM)
        os.close(t.fd)


def table(build, folder, rounds):
    """The table's lines, and what is slower than a rival."""
    here = [c for c in CLIENTS if c.title == "tern-server" or shutil.which(c.title)]
    got = {}
    with tempfile.TemporaryDirectory() as work:
        for _ in range(rounds):
            for name in streams.STREAMS:
                for client in here:
                    got.setdefault((name, client.title), []).append(run_once(build, client, f"{folder}/{name}", work))
    lines = ["| input | " + " | ".join(f"{c.title}, MB/s | CPU, ms/MB" for c in here) + " |",
             "|---|" + "---|---|" * len(here)]
    worst = []
    for name in streams.STREAMS:
        cells = []
        for client in here:
            runs = got[name, client.title]
            cells += [middle([r[0] for r in runs]), f"{statistics.median(r[1] for r in runs):.1f}"]
        lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + " |")
        ours = statistics.median(r[0] for r in got[name, "tern-server"])
        worst += [f"{TITLES[name]}: tern-server {ours:.0f} MB/s, behind {c.title}" for c in here
                  if statistics.median(r[0] for r in got[name, c.title]) > ours]
    return lines, worst
