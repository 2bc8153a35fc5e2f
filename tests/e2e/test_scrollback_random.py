"""Random scripts: output, long lines, clears, alternate screens, outages, and resizes at any moment, also in the
middle of output. In the end the terminal's own scrollback holds every line, in order, at most one screenful again for
each resize, and the screen is the server's. Judged by tmux and by a real xterm.

What is right is what a fresh attachment to the same session brings into a terminal that is never resized: the lines
that the server has. Of those that were printed it may miss what stood on the screen when a program cleared it, and
nothing else.

TERN_SEED=7 runs one seed only, TERN_SEED=7-90 some (in both judges; -k tmux or -k xterm chooses).
TERN_STRICT=1 counts blank rows as lines that stand there again, in xterm too.
TERN_DIRECT=1 runs the scripts without tern: what the terminal itself keeps.
TERN_FIGURES=FILE appends a line of JSON for each seed: what was missing, repeated, blank, and how much may be.
TERN_RECORD=FOLDER keeps tmux's log there (what it read and when it was resized); lib/tmuxlog.py plays it again.
With it lies what was judged: SEED.here, and what the fresh attachment held, SEED.there; of xterm what passed,
in the order in which it was read, SEED.xterm; lib/xtermlog.py plays that again."""
import fcntl
import json
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
from lib.numbered import ENDS, Held
from lib.tmux import stty_size
from lib.wait import wait_until

PROMPT = "inner$"
SOAK = os.environ.get("TERN_SOAK", "") not in ("", "0")
FROM, _, TO = (os.environ.get("TERN_SEED") or ("1-2000" if SOAK else "1-50")).partition("-")
SEEDS = range(int(FROM), int(TO or FROM) + 1)
SIDE_BY_SIDE = int(os.environ.get("TERN_SIDE_BY_SIDE", "4"))
DIRECT = os.environ.get("TERN_DIRECT", "") not in ("", "0")
FIGURES = os.environ.get("TERN_FIGURES")
STRICT = os.environ.get("TERN_STRICT", "") not in ("", "0")
RECORD = os.environ.get("TERN_RECORD")
ROWS_MOST = 40

# lines FIRST LAST PAD PAUSE_MS: each line has its number at both ends.
LINES = r"""
$| = 1; my ($first, $last, $pad, $pause) = @ARGV;
for my $i ($first .. $last) {
    print "<$i>", "x" x $pad, "=$i;\n";
    select(undef, undef, undef, $pause / 1000) if $pause;
}
"""


class Story:
    """What one seed does, and what must stand there in the end. `act` is how: type, resize, outage, text."""

    def __init__(self, seed, act, cols=80, rows=24):
        self.seed, self.act = seed, act
        self.r = random.Random(seed)
        self.last = 0
        self.cols, self.rows = cols, rows
        self.width = []  # columns of line n + 1
        self.clears = []  # lines printed before each
        self.resizes, self.sizes = [], [(cols, rows)]  # (rows before, rows); (columns, rows)
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
        self.width += [len(f"<{i}>={i};") + pad for i in range(self.last + 1, self.last + n + 1)]
        self.last += n
        self.log.append(text)
        if self.r.random() < 0.5:
            self.act.type(text)
        else:  # with a resize in the middle of it
            self.act.type(text, *self._new_size())

    def _new_size(self):
        cols, rows = self.r.choice([40, 60, 80, 100]), self.r.randint(8, ROWS_MOST)
        if (cols, rows) != (self.cols, self.rows):
            self.resizes.append((self.rows, rows))
            self.sizes.append((cols, rows))
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
        self.act.type(f"clean {self.seed}\r")
        self.clears.append(self.last)

    def size(self):
        self.act.type("", *self._new_size())

    def outage(self):
        self.log.append("outage")
        self.act.outage(self.r.uniform(0.1, 0.5))

    def cleared(self, sizes):
        """The lines that can have stood on the screen when it was cleared, which had sizes[i], (cols, rows), at clear
        i. Two rows were the command's. Lines that an earlier clear may have taken count as no rows: what a
        screen that grew took back from its history stands above them."""
        gone = set()
        for last, (cols, rows) in zip(self.clears, sizes):
            room, n = rows - 2, last
            while n and room > 0:
                if n not in gone:
                    room -= -(-self.width[n - 1] // cols)
                    gone.add(n)
                n -= 1
        return gone

    @property
    def may_repeat(self):
        """Lines: a screenful for each resize."""
        return sum(map(max if STRICT else self.act.screenful, self.resizes))

    @property
    def may_be_blank(self):
        """Rows: a terminal that is smaller than anybody was told scrolls rows of a picture that is made for the size of
        before, and those below the text are blank."""
        return sum(map(sum, self.resizes))

    def judge(self, wanted):
        """Waits until these lines are there, {end: a set}, as they are known by then. A Held, and None or what is
        wrong."""
        end = time.monotonic() + 20 * float(os.environ.get("TERN_TIME_SCALE", "1"))
        while True:
            held = Held(self.act.text())
            over = f"over-{self.seed}-42" in held.text
            asked = wanted()
            asked = {**asked, "end": asked["end"] - self.act.cut}
            wrong = "the end is not there" if not over else held.misses(asked)
            if not wrong or time.monotonic() > end:
                break
            time.sleep(0.1)  # the screen may run ahead of the history
        if not wrong and held.repeated > self.may_repeat:
            wrong = f"{held.repeated} lines repeated, {self.may_repeat} allowed: {held.again}"
        return held, wrong and self.says(wrong)

    def printed(self, cleared=()):
        """All lines but these, for judge()."""
        return dict.fromkeys(ENDS, set(range(1, self.last + 1)) - set(cleared))

    def says(self, wrong):
        return f"seed {self.seed}: {wrong}\n  {self.log}"


class Far:
    """What is known of the server's terminal: its size, and that at each command `clean`."""

    def __init__(self, box):
        self.box = box
        box.script("far-shell", 'tty >"' + box.file("tty") + '.$1"; exec inner')
        box.script("clean", 'size() { stty size </dev/tty >>"' + box.file("cleared") + '.$1"; }\nsize "$1"\n'
                   r"printf '\033[H\033[2J'" + '\nsize "$1"')

    def size(self, seed):
        """(columns, rows)"""
        with open(self.box.file(f"tty.{seed}")) as f:
            return stty_size(f.read().strip())

    def sizes(self, seed):
        """(cols, rows) of each clear, where it changed in the meantime the most of each."""
        try:
            with open(self.box.file(f"cleared.{seed}")) as f:
                said = [tuple(map(int, line.split())) for line in f]
        except FileNotFoundError:
            return []
        return [(max(a[1], b[1]), max(a[0], b[0])) for a, b in zip(said[::2], said[1::2])]


def scripts(box):
    box.script("lines", LINES, "/usr/bin/perl")
    box.script("full", r"printf '\033[?1049h\033[2J\033[Hfull screen'; sleep 0.05; printf '\033[?1049l'")
    return Far(box)


class Net:
    """One link for all; not several outages at once. After each the clients have a new address or port, so they connect
    anew."""

    def __init__(self, box, missing):
        self.lab = None if missing else Netlab(box.build, "rtt=20", "loss=0.01")
        self.lock, self.outages = threading.Lock(), 0
        if self.lab:
            box.before.add(self.lab.proc.pid)
            box.on_close(self.lab.close)
            box.script("srv", f'exec {shlex.join(self.lab.enter("s"))} {box.build}/tern-server "$@"')
            box.script("far", shlex.join([*self.lab.enter("c"), "tern", "--local"]) + ' --server="exec srv" "$@"')

    def command(self, *options):
        if DIRECT:
            return ["env"]
        return ["far", "--transport=udp", *options] if self.lab else ["tern", "--local", *options]

    def outage(self, seconds):
        if not self.lab:
            return
        with self.lock:
            self.lab.do("down")
            time.sleep(seconds)
            self.outages += 1
            n = self.outages % 200
            self.lab.do(f"addr 10.77.0.{n + 2}" if n % 2 else f"natport {n}", "up")


class InTmux:
    """Of a Story: a window."""

    screenful = max  # of the old and the new rows: so many lines may stand there again

    cut = frozenset()

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


def attached(tmux, net, name, w, enough):
    """What an attachment from elsewhere holds, which is told all from nothing: a Held. It shows the same screen."""
    cols, rows = map(int, w.ask("#{window_width} #{window_height}").split())
    v = tmux.window(net.command(f"--attach={name}"), cols, rows)
    wait_until(lambda: v.rows() == w.rows() and v.cursor() == w.cursor(), 15, "the same screen",
               lambda: "\n".join(["here:", *w.rows(), "there:", *v.rows()]))
    held = Held(InTmux(net, v).text())
    end = time.monotonic() + 10
    while held.misses(enough) and time.monotonic() < end:
        time.sleep(0.05)
        held = Held(InTmux(net, v).text())
    v.type("\r")
    v.type("~d")
    wait_until(v.dead, 15, "the end of the attachment")
    tmux.run("kill-pane", "-t", v.target)
    return held


def played(s, tmux, net, far, w, pane):
    """The story is run in the terminal w; None, or what is wrong."""
    begun = time.monotonic()
    try:
        s.run()
        ran = time.monotonic()
        # What is cleared tmux keeps, if it is told by the program itself.
        cleared = (lambda: set()) if DIRECT and pane else (lambda: s.cleared(far.sizes(s.seed)))
        held, wrong = s.judge(lambda: s.printed(cleared()))
        judged, server = time.monotonic(), None
        if not DIRECT:
            if (s.cols, s.rows) in s.sizes[:-1]:
                time.sleep(0.6)  # it may be that of before, while another one between is on its way
            wait_until(lambda: far.size(s.seed) == (s.cols, s.rows), 15, "the last size at the server")
            server = attached(tmux, net, f"s{s.seed}", w, s.printed(cleared()))
            wrong = wrong or there(s, server, cleared())
            if not wrong:
                held, wrong = s.judge(lambda: server.all)
                wrong = wrong or too_much(s, held, server)
        figures(s, wrong, held, server, cleared(), pane, ran - begun, judged - ran)
    except AssertionError as e:
        wrong = s.says(str(e))
    return wrong


def tell(tmux, net, far, seed):
    """None, or what is wrong."""
    w = tmux.window([*net.command(f"--name=s{seed}"), *([] if DIRECT else ["--"]), "far-shell", str(seed)], 80, 24)
    w.wait(lambda: [r for r in w.rows() if r][-1:] == [PROMPT], 30, "the prompt")
    wrong = played(Story(seed, InTmux(net, w)), tmux, net, far, w, w.target)
    if wrong:
        return wrong
    w.type("exit\r")
    w.wait(w.dead, 30)
    tmux.run("kill-pane", "-t", w.target)
    return None


def there(s, server, cleared):
    """None, or what is wrong with the server's own history."""
    wrong = server.misses(s.printed(cleared))
    if not wrong and server.repeated:
        wrong = f"{server.repeated} lines repeated"
    return wrong and s.says("a fresh attachment: " + wrong)


def too_much(s, held, server):
    """None, or what is wrong: how many lines stand there again is judged already."""
    blank = held.blank - server.blank
    if blank > s.may_be_blank or (STRICT and held.repeated + max(blank, 0) > s.may_repeat):
        return s.says(f"{blank} blank rows, {s.may_be_blank} allowed, beside {held.repeated} lines repeated")
    return None


def figures(s, wrong, held, server, cleared, pane, ran, judged):
    for name, what in (("here", held), ("there", server)):
        if RECORD and what:
            with open(os.path.join(RECORD, f"{s.seed}.{name}"), "w") as f:
                f.write(what.text)
    if not FIGURES:
        return
    of = {"seed": s.seed, "pane": pane, "wrong": wrong and wrong.split("\n")[0], "lines": s.last, "resizes": len(s.resizes),
          "lost": held.lost(s.printed(cleared)), "repeated": held.repeated, "again": held.again,
          "blank": held.blank, "may_repeat": sum(map(max, s.resizes)), "old_and_new": sum(map(sum, s.resizes)),
          "clears": len(s.clears), "may_clear": len(cleared), "ran": round(ran, 2), "judged": round(judged, 2), "cut": len(s.act.cut)}
    if server:
        of |= {"blank_there": server.blank, "repeated_there": server.repeated,
               "cleared": server.lost(s.printed()), "lost_there": server.lost(s.printed(cleared)),
               "lost_beside": held.lost(server.all)}
    with open(FIGURES, "a") as f:
        f.write(json.dumps(of) + "\n")


def test_random_scripts_in_tmux(tmux, box, link_missing):
    far = scripts(box)
    net = Net(box, link_missing or (DIRECT and "not used"))
    if RECORD:
        os.makedirs(RECORD, exist_ok=True)
    tmux.start(RECORD)
    found, seeds, lock = [], iter(SEEDS), threading.Lock()

    def some():
        while True:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                return
            try:
                wrong = tell(tmux, net, far, seed)
            except Exception as e:
                wrong = f"seed {seed}: {e!r}"
            found.extend([wrong] if wrong else [])

    threads = [threading.Thread(target=some) for _ in range(min(SIDE_BY_SIDE, len(SEEDS)))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not found, f"{len(found)} of {len(SEEDS)} seeds:\n" + "\n".join(found)
    tmux.run("kill-session", "-t", "first")
    box.wait_no_server()
    wait_until(lambda: not box.clients(), 15, "no client")


# ---- xterm ----

IN_XTERM = (SEEDS if os.environ.get("TERN_SEED") else range(1, (200 if SOAK else 6) + 1))
WIDE = 120  # columns: more than any story has
UNFINISHED = re.compile(rb"\x1b(?:[\[(][0-9;:?>=]*|\][^\x07\x1b]*\x1b?)?$|[\xc0-\xff][\x80-\xbf]*$")


def cut_rows(rows, cols):
    """The numbers of lines of which rows are full to the last column. xterm that becomes narrower cuts what stands on
    its screen for good, lines that it took back from its scrollback among them: with and without tern."""
    cut, n = set(), None
    for row in (re.sub(r"\x1b(\[[\d;]*m|#\d)", "", row).rstrip() for row in rows):
        begun = re.search(r"<(\d+)>", row)
        n = int(begun[1]) if begun else n
        if len(row) >= cols:
            cut.add(n)
    if None in cut:  # the rest of a line that begins above
        cut.remove(None)
        first = re.search(r"<(\d+)>|=(\d+);", "".join(rows))
        cut |= {int(first[1]) - 1 if first[1] else int(first[2])} if first else set()
    return cut


class InXterm:
    """Of a Story: an xterm, whose pty is here, so that the kernel learns of a new size some time after xterm."""

    screenful = sum  # of the old and the new rows: now and then one of 200 seeds needs more than the larger one

    def __init__(self, net, w, r):
        self.net, self.w, self.r = net, w, r
        self.tail = b""
        self.cut = set()  # lines whose end xterm itself may have dropped
        self.passed = []  # (seconds, what, bytes or size), as it was read; see TERN_RECORD

    def pump(self, seconds):
        """As XWindow.pump, but without answers to `CSI 18 t`, which are returned."""
        w = self.w
        ready = select.select([w.xterm.tty, w.pty], [], [], seconds)[0]
        said = b""
        for fd in ready:
            data = os.read(fd, 1 << 14)
            if fd == w.pty:
                self.tail = (self.tail + data)[-200:]
                self.note("to xterm", data)
                w._to_xterm(data)
            else:
                said += b"".join(re.findall(rb"\x1b\[8;\d+;\d+t", data))
                data = re.sub(rb"\x1b\[8;\d+;\d+t", b"", data)
                self.note("from xterm", data)
                os.write(w.pty, data)
        return said if ready else None

    def held(self):
        """All rows, as wide as xterm is."""
        while UNFINISHED.search(self.tail):
            self.pump(1)
        return self.w.xterm.paper_copy(b"\x1b[?11i").split("\r\n")

    def note(self, what, data):
        if RECORD:
            self.passed.append((round(time.monotonic(), 4), what, data))

    def tell(self, data):
        while UNFINISHED.search(self.tail):
            self.pump(1)
        self.note("to xterm", data)
        os.write(self.w.xterm.tty, data)

    def type(self, text, *size):
        os.write(self.w.pty, text.encode())
        for _ in range(self.r.randint(0, 12)):
            self.pump(0.005)
        if not size or size == (self.w.cols, self.w.height):
            return
        cols, rows = size
        before = max(len(self.held()) - 2 * ROWS_MOST, 0) if cols < self.w.cols else 0
        self.tell(b"\x1b[8;%d;%dt\x1b[18t" % (rows, cols))
        end = time.monotonic() + 20
        while True:
            said = self.pump(0.02)
            if said == b"\x1b[8;%d;%dt" % (rows, cols):
                break
            if said:
                self.tell(b"\x1b[18t")
            assert time.monotonic() < end, f"xterm does not become {cols}x{rows}: {said!r}"
        self.note("xterm has", (cols, rows))
        for _ in range(self.r.randint(0, 6)):
            self.pump(0.005)
        self.note("size", (cols, rows))
        fcntl.ioctl(self.w.pty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        if cols < self.w.cols:  # what stood there may have scrolled off by now
            self.cut |= cut_rows(self.held()[before:], cols)
        self.w.cols, self.w.height = cols, rows

    def outage(self, seconds):
        t = threading.Thread(target=self.net.outage, args=(seconds,))
        t.start()
        while t.is_alive():
            self.pump(0.02)

    def text(self):
        """xterm prints no more of a line than its width, though it keeps all: it is wide while it prints."""
        w = self.w
        w.look()
        w.xterm.resize(WIDE, w.height)
        s = xwindow.judge.Screen(w.xterm, WIDE, w.height, b"")
        text = "\n".join([*s.history, *s.rows])
        w.xterm.resize(w.cols, w.height)
        return text


@pytest.fixture(scope="module")
def xterm():
    missing = xwindow.judge.why_not()
    if missing:
        pytest.skip(missing)
    with xwindow.judge.Xterm({"saveLines": "300000"}) as x:
        yield x


class AsWindow:
    """What attached() asks of a window, of an xterm."""

    def __init__(self, w):
        self.w = w

    def ask(self, _):
        return f"{self.w.cols} {self.w.height}"

    def rows(self):
        rows = self.w.look().rows
        return [*rows, *[""] * (self.w.height - len(rows)), ""]  # tmux ends each with LF

    def cursor(self):
        s = self.w.look()
        return (min(s.cursor[1], s.cols - 1), s.cursor[0]) if s.mode("?25") else None


def tell_xterm(xterm, tmux, net, far, seed):
    """As tell()."""
    argv = [*net.command(f"--name=s{seed}"), *([] if DIRECT else ["--"]), "far-shell", str(seed)]
    argv[0] = shutil.which(argv[0], path=tmux.env["PATH"])
    w = xwindow.XWindow(xterm, argv, 80, 24, tmux.env)
    w.wait(lambda s: [r.rstrip() for r in s.rows if r.strip()][-1:] == [PROMPT], "the prompt", 40)
    act = InXterm(net, w, random.Random(seed))
    wrong = played(Story(seed, act), tmux, net, far, AsWindow(w), None)
    if RECORD:
        with open(os.path.join(RECORD, f"{seed}.xterm"), "w") as f:
            f.writelines(f"{t} {what} {data}\n" for t, what, data in act.passed)
    w.type("exit\r")
    w.end()
    return wrong


def test_random_scripts_in_xterm(xterm, tmux, box, link_missing):
    far = scripts(box)
    net = Net(box, link_missing or (DIRECT and "not used"))
    if not DIRECT:
        tmux.start()
    if RECORD:
        os.makedirs(RECORD, exist_ok=True)
    found = []
    for seed in IN_XTERM:
        wrong = tell_xterm(xterm, tmux, net, far, seed)
        found += [wrong] if wrong else []
    assert not found, f"{len(found)} of {len(IN_XTERM)} seeds:\n" + "\n".join(found)
    if not DIRECT:
        tmux.run("kill-session", "-t", "first")
    box.wait_no_server()
    wait_until(lambda: not box.clients(), 15, "no client")
