"""What a pane of tmux read, and when it was resized, from the server's own log (tmux -vv): to see why a script of
test_scrollback_random.py failed.

    python3 tests/e2e/lib/tmuxlog.py LOG            all that happened, one event a line
    python3 tests/e2e/lib/tmuxlog.py LOG --replay   the same played into a new tmux: with each event the numbered
                                                    lines that vanish with it or stand there again"""
import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

SIMPLE = {b"n": 10, b"r": 13, b"t": 9, b"b": 8, b"a": 7, b"v": 11, b"f": 12, b"s": 32, b"E": 27, b"0": 0}
UNFINISHED = re.compile(rb"\x1b(?:[\[(][0-9;:?>=]*|\][^\x07\x1b]*\x1b?)?$|[\xc0-\xff][\x80-\xbf]*$")


def bytes_of(text):
    """Undoes strvis(3)."""
    def one(m):
        word = m.group(1)
        if len(word) == 3:
            return bytes([int(word, 8)])
        return bytes([SIMPLE.get(word, word[0])])
    return re.sub(rb"\\([0-3][0-7]{2}|.)", one, text)


def events(log, pane):
    """(seconds, what, ...): "size" COLS ROWS, "told" COLS ROWS (the program is), "read" BYTES."""
    rest = b""
    with open(log, "rb") as f:
        for line in f:
            m = re.match(rb"(\d+\.\d+) (\w+): " + pane.encode() + rb" (.*)\n", line)
            if not m:
                continue
            at, what, words = float(m.group(1)), m.group(2), m.group(3)
            if what == b"window_pane_resize":
                yield (at, "size", *map(int, re.findall(rb"\d+", words)))
            elif what == b"window_pane_send_resize":
                yield (at, "told", *map(int, re.findall(rb"\d+", words)))
            elif what == b"input_parse_buffer":
                data = rest + bytes_of(re.sub(rb"^\w+, \d+ bytes: ", b"", words))
                m = UNFINISHED.search(data)
                rest = data[m.start():] if m else b""
                data = data[:len(data) - len(rest)]
                if data:
                    yield at, "read", data


def show(event, since):
    at, what, *more = event
    words = repr(more[0])[2:-1].replace("\\x1b", "^[") if what == "read" else f"{more[0]}x{more[1]}"
    return f"{at - since:9.4f} {what} {words}"


class Replay:
    """A pane of a new tmux that reads what it is given."""

    PROGRAM = r"""
import os, sys, tty
tty.setraw(0)
feed, done = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_WRONLY)
while n := os.read(feed, 8):
    data = b""
    while len(data) < int(n):
        data += os.read(feed, int(n) - len(data))
    data += b"\033[5n"
    while data:
        data = data[os.write(1, data):]
    got = b""
    while b"\033[0n" not in got:
        got += os.read(0, 4096)
    os.write(done, b".")
"""

    def __init__(self, cols, rows):
        self.dir = tempfile.mkdtemp()
        self.base = ["tmux", "-L", f"replay{os.getpid()}", "-f", "/dev/null"]
        paths = [os.path.join(self.dir, n) for n in ("feed", "done", "program")]
        for p in paths[:2]:
            os.mkfifo(p)
        with open(paths[2], "w") as f:
            f.write(self.PROGRAM)
        self.run("new-session", "-d", "sleep 10000", ";", "set", "-g", "status", "off", ";",
                 "set", "-g", "history-limit", "100000")
        self.pane = self.run("new-session", "-d", "-P", "-F", "#{pane_id}", "-x", str(cols), "-y", str(rows),
                             f"exec {sys.executable} {paths[2]} {paths[0]} {paths[1]}").strip()
        self.feed, self.done = os.open(paths[0], os.O_WRONLY), os.open(paths[1], os.O_RDONLY)

    def run(self, *words):
        return subprocess.run([*self.base, *words], check=True, capture_output=True, text=True).stdout

    def resize(self, cols, rows):
        self.run("resize-window", "-t", self.pane, "-x", str(cols), "-y", str(rows))

    def read(self, data):
        os.write(self.feed, b"%8d" % len(data) + data)
        assert os.read(self.done, 1)

    def numbers(self):
        text = self.run("capture-pane", "-p", "-J", "-t", self.pane, "-S", "-")
        whole = "".join(row.rstrip() for row in text.split("\n"))
        return collections.Counter(map(int, re.findall(r"<(\d+)>", whole)))

    def close(self):
        self.run("kill-server")


def ranges(numbers):
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return " ".join(f"{a}-{b}" if b > a else str(a) for a, b in out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("log")
    p.add_argument("--pane", default="%1")
    p.add_argument("--size", default="80x24", help="at the beginning")
    p.add_argument("--replay", action="store_true")
    a = p.parse_args()
    replay = Replay(*map(int, a.size.split("x"))) if a.replay else None
    since, before = None, collections.Counter()
    for e in events(a.log, a.pane):
        since = since or e[0]
        print(show(e, since))
        if not replay:
            continue
        if e[1] == "size":
            replay.resize(*e[2:])
        elif e[1] == "read":
            replay.read(e[2])
        now = replay.numbers()
        gone, again = [n for n in before if not now[n]], [n for n in now if now[n] > max(before[n], 1)]
        if gone:
            print("          VANISH", ranges(gone))
        if again:
            print("          AGAIN", ranges(again))
        before = now
    if replay:
        replay.close()


if __name__ == "__main__":
    main()
