"""Random scripts: output, long lines, clears, alternate screens, outages, and resizes at any moment, also in the
middle of output. In the end the terminal's own scrollback holds every line, in order, at most one screenful of the
old and one of the new size of them again for each resize, and the screen is the server's. Judged by tmux and by a real xterm.

TERN_SEED=7 runs one seed only, TERN_SEED=7-90 some (in both judges; -k tmux or -k xterm chooses)."""
import bisect
import fcntl
import os
import random
import re
import select
import shlex
import shutil
import struct
import termios
import threading
import time

import pytest

from lib import xwindow
from lib.netlab import Netlab
from lib.wait import wait_until

PROMPT = "inner$"
SOAK = os.environ.get("TERN_SOAK", "") not in ("", "0")
FROM, _, TO = (os.environ.get("TERN_SEED") or ("1-2000" if SOAK else "1-50")).partition("-")
SEEDS = range(int(FROM), int(TO or FROM) + 1)
SIDE_BY_SIDE = 4
ROWS_MOST = 40

# lines FIRST LAST PAD PAUSE_MS: each line has its number at both ends.
LINES = r"""
$| = 1; my ($first, $last, $pad, $pause) = @ARGV;
for my $i ($first .. $last) {
    print "<$i>", "x" x $pad, "=$i;\n";
    select(undef, undef, undef, $pause / 1000) if $pause;
}
"""


def in_order(numbers):
    """The longest run of them that is in order; what else stands there stands there again."""
    ends, where, back = [], [], []  # of the best run of each length: its last number, and where that stands
    for i, n in enumerate(numbers):
        k = bisect.bisect_left(ends, n)
        back.append(where[k - 1] if k else None)
        ends[k:k + 1], where[k:k + 1] = [n], [i]
    best, i = set(), where[-1] if where else None
    while i is not None:
        best.add(numbers[i])
        i = back[i]
    return best


def around(text, n):
    """What stands where line n should."""
    rows = text.split("\n")
    at = next((i for i, row in enumerate(rows) if f"<{n - 1}>" in row or f"={n - 1};" in row or f"<{n}>" in row), 0)
    return "\n".join(f"    |{row}" for row in rows[max(at - 3, 0):at + 12])


class Story:
    """What one seed does, and what must stand there in the end. `act` is how: type, resize, outage, text."""

    def __init__(self, seed, first, cols, rows, act):
        self.seed, self.act = seed, act
        self.r = random.Random(seed)
        self.first, self.last = first, first - 1
        self.cols, self.rows = cols, rows
        self.repeats = 0
        self.cleared = set()  # lines that a clear may have taken
        self.log = []

    def run(self):
        for _ in range(10):
            what = self.r.choice(["lines", "lines", "lines", "slow", "long", "alt", "clear", "size", "size", "size",
                                  "outage"])
            getattr(self, what)()
            if self.r.random() < 0.3:
                time.sleep(self.r.uniform(0, 0.05))
        self.act.type(f"echo over-{self.seed}-$((6*7))\r")

    def _print(self, n, pad=0, pause=0):
        text = f"lines {self.last + 1} {self.last + n} {pad} {pause}\r"
        self.last += n
        self.log.append(text)
        if self.r.random() < 0.5:
            self.act.type(text)
        else:  # with a resize in the middle of it
            self.act.type(text, *self._new_size())

    def _new_size(self):
        cols, rows = self.r.choice([40, 60, 80, 100]), self.r.randint(8, ROWS_MOST)
        self.repeats += rows + self.rows
        self.cols, self.rows = cols, rows
        self.log.append(f"{cols}x{rows}")
        return cols, rows

    def lines(self):
        self._print(self.r.choice([3, 30, 120, 400]))

    def slow(self):
        self._print(self.r.choice([20, 60]), 0, self.r.choice([1, 4]))

    def long(self):
        self._print(self.r.choice([3, 30, 120]), self.r.randint(50, 200))

    def alt(self):
        self.log.append("full")
        self.act.type("full\r")

    def clear(self):
        self.log.append("clean")
        self.act.type("clean\r")
        self.cleared |= set(range(self.last - ROWS_MOST, self.last + 1))

    def size(self):
        self.act.type("", *self._new_size())

    def outage(self):
        self.log.append("outage")
        self.act.outage(self.r.uniform(0.1, 0.5))

    def wrong(self):
        """None, or what is wrong with what stands there now."""
        text = self.act.text()
        rows = "".join(row.rstrip() for row in text.split("\n"))  # a number may be cut where a row ended
        if f"over-{self.seed}-42" not in text:
            return "the end is not there"
        for ends, form in (("beginning", r"<(\d+)>"), ("end", r"=(\d+);")):
            got = [n for n in map(int, re.findall(form, rows)) if n >= self.first]
            best = in_order(got)
            lost = sorted(set(range(self.first, self.last + 1)) - best - self.cleared)
            if lost:
                return (f"{len(lost)} of {self.last - self.first + 1} lines miss their {ends}: {lost[:8]}\n" +
                        around(text, lost[0]))
            if len(got) - len(best) > self.repeats:
                return f"{len(got) - len(best)} lines repeated, {self.repeats} allowed"
        return None

    def judge(self):
        end, wrong = time.monotonic() + 20 * float(os.environ.get("TERN_TIME_SCALE", "1")), self.wrong()
        while wrong and time.monotonic() < end:  # the screen may run ahead of the history
            time.sleep(0.1)
            wrong = self.wrong()
        return wrong and f"seed {self.seed}: {wrong}\n  {self.log}"


def scripts(box):
    box.script("lines", LINES, "/usr/bin/perl")
    box.script("full", r"printf '\033[?1049h\033[2J\033[Hfull screen'; sleep 0.05; printf '\033[?1049l'")
    box.script("clean", r"printf '\033[H\033[2J'")


class Net:
    """One link for all; not several outages at once."""

    def __init__(self, box, missing):
        self.lab = None if missing else Netlab(box.build, "rtt=20", "loss=0.01")
        self.lock = threading.Lock()
        if self.lab:
            box.before.add(self.lab.proc.pid)
            box.on_close(self.lab.close)
            box.script("srv", f'exec {shlex.join(self.lab.enter("s"))} {box.build}/tern-server "$@"')
            box.script("far", shlex.join([*self.lab.enter("c"), "tern", "--local"]) + ' --server="exec srv" "$@"')

    def command(self, *options):
        return ["far", "--transport=udp", *options] if self.lab else ["tern", "--local", *options]

    def outage(self, seconds):
        if not self.lab:
            return
        with self.lock:
            self.lab.do("down")
            time.sleep(seconds)
            self.lab.do("up")


class InTmux:
    """Of a Story: a window."""

    def __init__(self, net, w):
        self.net, self.w = net, w

    def type(self, text, *size):
        words = []
        if text:
            words += ["send-keys", "-t", self.w.target, "-l", "--", text, ";"]
        if size:
            words += ["resize-window", "-t", self.w.target, "-x", str(size[0]), "-y", str(size[1])]
        self.w.tmux.run(*words)

    def outage(self, seconds):
        self.net.outage(seconds)

    def text(self):
        return self.w.tmux.run("capture-pane", "-p", "-J", "-t", self.w.target, "-S", "-")


def same_screen(tmux, net, name, w):
    """An attachment from elsewhere, which is told the server's screen from nothing, shows the same."""
    cols, rows = map(int, w.ask("#{window_width} #{window_height}").split())
    v = tmux.window(net.command(f"--attach={name}"), cols, rows)
    wait_until(lambda: v.rows() == w.rows() and v.cursor() == w.cursor(), 15, "the same screen",
               lambda: "\n".join(["here:", *w.rows(), "there:", *v.rows()]))
    v.type("\r")
    v.type("~d")
    wait_until(v.dead, 15, "the end of the attachment")


def tell(tmux, net, which, seeds, found):
    name = f"s{which}"
    w = tmux.window([*net.command(f"--name={name}"), "--", "inner"], 80, 24)
    w.wait(lambda: [r for r in w.rows() if r][-1:] == [PROMPT], 30, "the prompt")
    cols, rows, first = 80, 24, 1
    for seed in seeds:
        s = Story(seed, first, cols, rows, InTmux(net, w))
        try:
            s.run()
            wrong = s.judge()
            if wrong:
                found.append(wrong)
            elif seed % 5 == 0:
                same_screen(tmux, net, name, w)
        except AssertionError as e:
            found.append(f"seed {seed}: {e}\n  {s.log}")
            return
        w.type("clean\r")
        tmux.run("clear-history", "-t", w.target)
        cols, rows, first = s.cols, s.rows, s.last + 1
    w.type("exit\r")
    w.wait(w.dead, 30)


def test_random_scripts_in_tmux(tmux, box, link_missing):
    scripts(box)
    net = Net(box, link_missing)
    tmux.run("start-server", ";", "new-session", "-d", "-s", "first", "sleep 100000")
    tmux.started, tmux.pid = True, int(tmux.run("display-message", "-p", "#{pid}"))
    found = []
    threads = [threading.Thread(target=tell, args=(tmux, net, i, SEEDS[i::SIDE_BY_SIDE], found))
               for i in range(min(SIDE_BY_SIDE, len(SEEDS)))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not found, f"{len(found)} of {len(SEEDS)} seeds:\n" + "\n".join(found)
    tmux.run("kill-session", "-t", "first")
    box.wait_no_server()
    wait_until(lambda: not box.clients(), 15, "no client")


# ---- xterm ----

IN_XTERM = (range(int(FROM), int(TO or FROM) + 1) if os.environ.get("TERN_SEED") else range(1, (200 if SOAK else 6) + 1))
UNFINISHED = re.compile(rb"\x1b(?:[\[(][0-9;:?>=]*|\][^\x07\x1b]*\x1b?)?$|[\xc0-\xff][\x80-\xbf]*$")


class InXterm:
    """Of a Story: an xterm, whose pty is here, so that the kernel learns of a new size some time after xterm."""

    def __init__(self, net, w, r):
        self.net, self.w, self.r = net, w, r
        self.tail = b""

    def pump(self, seconds):
        """As XWindow.pump, but without answers to `CSI 18 t`, which are returned."""
        w = self.w
        ready = select.select([w.xterm.tty, w.pty], [], [], seconds)[0]
        said = b""
        for fd in ready:
            data = os.read(fd, 1 << 14)
            if fd == w.pty:
                self.tail = (self.tail + data)[-200:]
                w._to_xterm(data)
            else:
                said += b"".join(re.findall(rb"\x1b\[8;\d+;\d+t", data))
                data = re.sub(rb"\x1b\[8;\d+;\d+t", b"", data)
                os.write(w.pty, data)
        return said if ready else None

    def tell(self, data):
        while UNFINISHED.search(self.tail):
            self.pump(1)
        os.write(self.w.xterm.tty, data)

    def type(self, text, *size):
        os.write(self.w.pty, text.encode())
        for _ in range(self.r.randint(0, 12)):
            self.pump(0.005)
        if not size or size == (self.w.cols, self.w.height):
            return
        cols, rows = size
        self.tell(b"\x1b[8;%d;%dt\x1b[18t" % (rows, cols))
        end = time.monotonic() + 20
        while True:
            said = self.pump(0.02)
            if said == b"\x1b[8;%d;%dt" % (rows, cols):
                break
            if said:
                self.tell(b"\x1b[18t")
            assert time.monotonic() < end, f"xterm does not become {cols}x{rows}: {said!r}"
        for _ in range(self.r.randint(0, 6)):
            self.pump(0.005)
        fcntl.ioctl(self.w.pty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.w.cols, self.w.height = cols, rows

    def outage(self, seconds):
        t = threading.Thread(target=self.net.outage, args=(seconds,))
        t.start()
        while t.is_alive():
            self.pump(0.02)

    def text(self):
        s = self.w.look()
        return "\n".join([*s.history, *s.rows])


@pytest.fixture(scope="module")
def xterm():
    missing = xwindow.judge.why_not()
    if missing:
        pytest.skip(missing)
    with xwindow.judge.Xterm({"saveLines": "300000"}) as x:
        yield x


def test_random_scripts_in_xterm(xterm, box, link_missing):
    scripts(box)
    net = Net(box, link_missing)
    found = []
    for seed in IN_XTERM:
        argv = [*net.command(), "--", "inner"]
        argv[0] = shutil.which(argv[0], path=box.env["PATH"])
        w = xwindow.XWindow(xterm, argv, 80, 24, box.env)
        w.wait(lambda s: [r.rstrip() for r in s.rows if r.strip()][-1:] == [PROMPT], "the prompt", 40)
        s = Story(seed, 1, 80, 24, InXterm(net, w, random.Random(seed)))
        s.run()
        found += [wrong for wrong in [s.judge()] if wrong]
        w.type("exit\r")
        w.end()
    assert not found, f"{len(found)} of {len(IN_XTERM)} seeds:\n" + "\n".join(found)
    box.wait_no_server()
    wait_until(lambda: not box.clients(), 15, "no client")
