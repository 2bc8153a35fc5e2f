"""What native scrollback costs: bytes to the terminal for each frame beside tmux and stock mosh, and the delay of the screen
while the history flows behind it."""
import os
import shlex
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import lab
import process
from local import Terminal, echo_times, middle

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))
from lib.netlab import Netlab  # noqa: E402

UPDATES = 20
PAUSE = 0.15
# What changes with each frame: a script that waits for a line before each. The screen is full when it begins.
FRAMES = {
    "a number in place": 'printf "\\r%d" $((1000 + i))',
    "a line of 50 characters at the bottom": 'printf "%050d\\n" $i',
    "ten lines": 'for k in 0 1 2 3 4 5 6 7 8 9; do echo "line $i $k"; done',
    "a screenful": 'for k in $(seq 1 24); do echo "line $i $k"; done',
}
LINES = 300000  # printed before the delays are measured
KEYS = 25
LINK = ("rtt=50", "rate=300kbit", "queue=500ms")


def script(body):
    return f'seq 1 30; stty -echo; i=0; while read line; do i=$((i + 1)); {body}; done'


def end(t):
    if not t.ended():
        os.kill(t.pid, signal.SIGTERM)
    patience = time.monotonic() + 5
    while not t.ended() and time.monotonic() < patience:
        t.read(0.05)
    os.close(t.fd)


def bytes_per_frame(build, client, body):
    command, env = client.command(build, ["bash", "-c", script(body)], process.environment())
    t = Terminal(command, env)
    try:
        t.settle(1.0)
        counts = []
        for _ in range(UPDATES):
            t.seen = b""
            t.type(b"\r")
            t.settle(PAUSE)
            counts.append(len(t.seen))
        return counts
    finally:
        end(t)


def frame_table(build, rounds):
    here = [c for c in process.CLIENTS if c.title == "tern-server" or shutil.which(c.title)]
    names = [{"tern-server": "tern", "mosh-server": "mosh"}.get(c.title, c.title) for c in here]
    lines = ["| each frame | " + " | ".join(names) + " |", "|---" * (len(here) + 1) + "|"]
    for title, body in FRAMES.items():
        row = []
        for client in here:
            counts = [n for _ in range(rounds) for n in bytes_per_frame(build, client, body)]
            row.append(middle(counts))
        lines.append(f"| {title} | " + " | ".join(map(str, row)) + " |")
    return lines, []


def delay_once(build):
    """(echo times without history, with it, bytes of lines that came meanwhile, ms from Ctrl-C to the prompt)"""
    net = Netlab(str(build), *LINK)
    server = shlex.join([*net.enter("s"), str(build / "tern-server")])
    env = process.environment()
    words = [*net.enter("c"), str(build / "tern"), "--local", "--transport=udp", f"--server=exec {server}",
             "--history-lines=all", "--detach-timeout=10", "--predict=never", "--"]
    try:
        t = Terminal([*words, f"stty raw -echo opost onlcr; dd bs=1 count={3 * KEYS} 2>/dev/null; seq 1 {LINES}; exec cat"], env)
        t.settle(1.5)
        idle = echo_times(t, 0, KEYS)
        t.seen = b""
        until = time.monotonic() + 60  # the screen is at the end of the output, the history is not
        while str(LINES).encode() not in t.seen and time.monotonic() < until:
            t.read(0.1)
        total = 0
        busy = []
        for i in range(KEYS):
            busy += echo_times(t, KEYS + i, 1)
            total += len(t.seen)
        end(t)
        t = Terminal([*words, "PS1='prompt$ ' exec bash --norc --noprofile"], env)
        t.settle(1.5)
        t.type(b"seq 1 100000000\r")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            t.read(0.1)
        t.seen = b""
        began = time.monotonic()
        t.type(b"\x03")
        while b"prompt$" not in t.seen and time.monotonic() < began + 20:
            t.read(0.5)
        ctrlc = (time.monotonic() - began) * 1000
        end(t)
        return idle, busy, total, ctrlc
    finally:
        net.close()


def delay_table(build, rounds):
    why = lab.why_not()
    if why:
        return [f"Not run: {why}."], []
    got = [delay_once(build) for _ in range(rounds)]
    idle = sorted(x for g in got for x in g[0])
    busy = sorted(x for g in got for x in g[1])
    ctrlc = sorted(g[3] for g in got)
    base = middle(idle)
    lines = ["| what | ms |", "|---|---|", f"| echo, nothing else: median | {base} |",
             f"| echo while {LINES:,} lines come behind it: median | {middle(busy)} |",
             f"| the same, the slowest of {len(busy)} | {round(busy[-1])} |",
             f"| Ctrl-C while a program prints and its history flows, to the prompt: median of {len(ctrlc)} | {middle(ctrlc)} |",
             f"| terminal bytes of history meanwhile, kB | {middle([g[2] / 1000 for g in got])} |"]
    missed = []
    if statistics.median(ctrlc) > 50 + 100:
        missed.append(f"Ctrl-C while history flows: {middle(ctrlc)} ms, budget RTT + 100")
    return lines, missed


if __name__ == "__main__":
    where = Path(os.environ.get("TERN_BUILD", "build")).resolve()
    for made in (frame_table(where, 1), delay_table(where, 1)):
        print("\n".join(made[0] + [f"over budget: {m}" for m in made[1]]), flush=True)
