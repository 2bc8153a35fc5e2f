"""What `make bench` measures without a network: the engine, its frames, memory of `tern --local`."""
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import termios
import time
from pathlib import Path

import streams

SIZES = [(80, 24), (300, 100)]
HISTORY = 16 << 20
TITLES = {"ascii": "ASCII lines", "y": "`y` lines", "colour": "truecolor SGR", "wide": "CJK + emoji",
          "motion": "cursor motion"}
BUDGET = {"ascii": 300, "y": 60, "colour": 250, "wide": 150, "motion": 150}  # history off, 80x24; 2/3 at 300x100
Y_WITH_HISTORY = 30
FRAMES = {"character": "one character", "line": "one line scrolled in", "colours": "truecolor, 20 runs a line",
          "cells": "truecolor, each cell its own"}
FRAME_BUDGET = {"character": 1, "line": 5, "colours": 200, "cells": 200}


def output(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def middle(values, digits=0):
    """Median (lowest-highest)."""
    form = f"{{:.{digits}f}}"
    return f"{form.format(statistics.median(values))} ({form.format(min(values))}-{form.format(max(values))})"


def engine_table(build, folder, rounds):
    lines = ["| input | size | history off, MB/s | history on, MB/s | libvterm, MB/s | off / libvterm |",
             "|---|---|---|---|---|---|"]
    got = {}
    for _ in range(rounds):
        for cols, rows in SIZES:
            for name in streams.STREAMS:
                path = f"{folder}/{name}"
                for key, command in (
                        ("off", ["bench_engine", cols, rows, 0, path]),
                        ("on", ["bench_engine", cols, rows, HISTORY, path]),
                        ("vterm", ["bench_vterm", cols, rows, path])):
                    command = [str(build / "bench" / command[0]), *map(str, command[1:])]
                    got.setdefault((cols, rows, name, key), []).append(float(output(command)))
    for cols, rows in SIZES:
        for name in streams.STREAMS:
            off, on, vterm = (got[cols, rows, name, key] for key in ("off", "on", "vterm"))
            ratio = statistics.median(a / b for a, b in zip(off, vterm))
            lines.append(f"| {TITLES[name]} | {cols}x{rows} | {middle(off)} | {middle(on)} | {middle(vterm, 1)} | {ratio:.1f} |")
    worst = []
    for name in streams.STREAMS:
        for cols, rows, key, most in ((80, 24, "off", BUDGET[name]), (300, 100, "off", BUDGET[name] * 2 / 3),
                                      (80, 24, "on", Y_WITH_HISTORY if name == "y" else 0)):
            value = statistics.median(got[cols, rows, name, key])
            if value < most:
                worst.append(f"{TITLES[name]} {cols}x{rows}, history {key}: {value:.0f} of {most:.0f}")
    return lines, worst


def frame_table(build, rounds):
    lines = ["| change | size | kind | microseconds | bytes |", "|---|---|---|---|---|"]
    got = {}
    for _ in range(rounds):
        for cols, rows in SIZES:
            for line in output([str(build / "bench" / "bench_diff"), str(cols), str(rows)]).splitlines():
                name, kind, spent, size = line.split()
                got.setdefault((name, cols, rows, kind), []).append((float(spent), int(size)))
    for (name, cols, rows, kind), values in got.items():
        lines.append(f"| {FRAMES[name]} | {cols}x{rows} | {kind} | {middle([v[0] for v in values], 2)} | {values[0][1]} |")
    worst = [f"{FRAMES[n]} {statistics.median(v[0] for v in got[n, 300, 100, 'native']):.1f} us of {most}"
             for n, most in FRAME_BUDGET.items()
             if statistics.median(v[0] for v in got[n, 300, 100, "native"]) > most]
    return lines, worst


def processes(build, name):
    """Ids of the running processes of one of our executables."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "exe") == str(build / name):
                    found.add(int(entry.name))
            except OSError:
                pass
    return found


def memory_of(pid):
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty:\s+(\d+)", rollup)[1]) / 1024


class Terminal:
    """A program in a pty of 80x24."""

    def __init__(self, command, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.over = False

    def read(self, seconds):
        """What comes within so many seconds, or b''."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            more = os.read(self.fd, 65536)
        except OSError:
            more = b""
        self.seen += more
        return more

    def type(self, keys):
        os.write(self.fd, keys)

    def ended(self):
        if not self.over:
            self.over = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        return self.over

    def settle(self, quiet=2.0):
        """Reads until nothing has come for so long."""
        while self.read(quiet):
            pass


def echo_times(t, first, count):
    """Milliseconds from a key to its echo. Each key is another one, for frames repeat what stands on the screen."""
    times = []
    for i in range(first, first + count):
        key = chr(0x4e00 + i).encode()
        t.seen = b""
        began = time.monotonic()
        t.type(key)
        while key not in t.seen and time.monotonic() < began + 10:
            t.read(0.5)
        times.append((time.monotonic() - began) * 1000)
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            t.read(0.02)
    return times


def memory_once(build):
    """MiB of Private_Dirty of an idle client and server."""
    before = {name: processes(build, name) for name in ("tern", "tern-server")}
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TERM": "xterm-256color",
           "LANG": "C.UTF-8", "SHELL": "/bin/sh"}
    t = Terminal([str(build / "tern"), "--local", "--detach-timeout=10", "--", "/bin/sh"], env)
    try:
        t.settle()
        if not t.seen:
            raise RuntimeError("tern --local shows nothing")
        for i in range(20):
            for key in f"echo line {i}":
                t.type(key.encode())
                t.read(0.02)
            t.type(b"\r")
            t.settle(0.3)
        t.settle()
        client = processes(build, "tern") - before["tern"]
        server = processes(build, "tern-server") - before["tern-server"]
        if not client or not server:
            raise RuntimeError("client or server is not running")
        # With several processes of one executable the whole counts.
        figures = sum(map(memory_of, client)), sum(map(memory_of, server))
        t.type(b"exit\r")
        end = time.monotonic() + 10
        while time.monotonic() < end and not t.ended():
            t.read(0.1)
        return figures
    finally:
        os.close(t.fd)
        if not t.ended():
            os.kill(t.pid, signal.SIGTERM)


def memory_table(build, rounds):
    runs = [memory_once(build) for _ in range(rounds)]
    client, server = ([r[i] for r in runs] for i in (0, 1))
    lines = ["| process | Private_Dirty, MiB | budget |", "|---|---|---|",
             f"| client | {middle(client, 2)} | 3 |", f"| server | {middle(server, 2)} | 3 |"]
    worst = [f"{name} {statistics.median(v):.1f} MiB of 3" for name, v in (("client", client), ("server", server))
             if statistics.median(v) > 3]
    return lines, worst
