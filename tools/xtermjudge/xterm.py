"""A real xterm under Xvfb that is handed bytes and asked what it made of them.

    with Xterm() as x:
        s = x.show(20, 6, [b"ab\\x1b[1mc"])
        s.rows, s.cursor, s.replies, s.pen(0, 2), s.mode("?7"), s.history

One xterm lives for thousands of cases: each begins with RIS and, where the size differs, a resize;
that xterm is through with one is seen by a focus report that comes behind it, so nothing sleeps. What stands on the screen is read back in band: media copy
(CSI i) prints the text, XTREPORTSGR (CSI # |) the rendition of a cell, DSR, DECRQM, DECRQSS and
XTWINOPS the rest. The caller gives steps: bytes are pushed, (columns, rows) resizes.
"""
import base64
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import tty
import unicodedata

import x11

# Resources that make a case independent of fonts, keyboard and what a program may ask for.
RESOURCES = {
    "allowWindowOps": "true", "allowTcapOps": "true", "tekInhibit": "true", "scrollBar": "false", "saveLines": "2000",
    "printAttributes": "2", "printerAutoClose": "false", "printerFormFeed": "true",
    "utf8": "2", "locale": "false", "precompose": "false", "font": "fixed", "directColor": "true",
    "resizeGravity": "SouthWest", "bellIsUrgent": "false", "jumpScroll": "false", "visualBell": "false",
    "scrollTtyOutput": "false", "multiClickTime": "50", "boldColors": "false", "combiningChars": "5", "internalBorder": "0",
}
CELL = (6, 13)  # pixels of the font
SCREEN = (4000, 2400)  # pixels
LIMIT = (600, 180)     # columns, rows that are tried on it
PATIENCE = 10          # seconds for one answer; then the xterm is taken for dead
# What ends an answer to pushed bytes: three reports that every conformance level has.
SENTINEL = b"\x1b[5n\x1b[>c\x1b[5n"
SEEN = re.compile(rb"(?:\x1b\[|\x9b)0n(?:\x1b\[|\x9b)>\d+;\d+;\d+c(?:\x1b\[|\x9b)0n")
TAIL = "￿"        # how the print shows the right half of a wide character


class Dead(Exception):
    """xterm or Xvfb did not start, went away, or no longer answers."""


class Blind(Exception):
    """xterm cannot be asked: the program has set a lower conformance level (DECSCL, VT52)."""


def why_not():
    """None, or what is missing here."""
    for program in ("xterm", "Xvfb"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return None


def lent(skip, resources=()):
    """The body of a fixture: an xterm, or skip(what is missing)."""
    missing = why_not()
    if missing:
        skip(missing)
    with Xterm(resources) as x:
        yield x


def zero_width(char):
    """Whether the print shows char as part of the cell before it."""
    return (unicodedata.category(char) in ("Mn", "Me", "Cf") and char != "\u00ad") or "ᅠ" <= char <= "ᇿ"


LIBC = ctypes.CDLL(None)


def die_with_parent():
    """In a child: a judge that is killed leaves no Xvfb behind."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Xterm:
    def __init__(self, resources=(), display=None):
        self.folder = tempfile.mkdtemp(prefix="xj-")
        self.resources = {**RESOURCES, **dict(resources)}
        self.procs, self.fds = [], []
        self.x = self.x11 = None
        try:
            self.display = display or self._xvfb()
            self._printer()
            self._xterm()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- processes

    def _start(self, command, pass_fds, env):
        with open(f"{self.folder}/log", "ab") as log:
            proc = subprocess.Popen(command, pass_fds=pass_fds, env=env, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent)
        self.procs.append(proc)
        return proc

    def _env(self):
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.folder}

    def _xvfb(self):
        r, w = os.pipe()
        try:
            self._start(["Xvfb", "-displayfd", str(w), "-screen", "0", "%dx%dx24" % SCREEN, "-nolisten",
                         "tcp", "-noreset"], [w], self._env())
        finally:
            os.close(w)
        number = self._line(r)
        os.close(r)
        return ":" + number

    def _printer(self):
        """The printer is a FIFO, which xterm feeds through one lasting process."""
        fifo = f"{self.folder}/print"
        os.mkfifo(fifo)
        self.paper = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.fds.append(self.paper)
        with open(f"{self.folder}/printer", "w") as f:
            f.write(f"#!/bin/sh\nexec cat >{fifo}\n")
        os.chmod(f"{self.folder}/printer", 0o755)
        self.resources["printerCommand"] = f"{self.folder}/printer"

    def _xterm(self):
        master, self.tty = os.openpty()
        tty.setraw(self.tty)
        os.set_blocking(self.tty, False)
        self.fds.append(self.tty)
        words = [w for k, v in self.resources.items() for w in ("-xrm", f"XTerm.vt100.{k}: {v}")]
        slave = os.path.basename(os.ttyname(self.tty))
        try:
            self.x = self._start(["xterm", "-T", "(none)", "-geometry", "80x24", *words, f"-S{slave}/{master}"], [master],
                                 {**self._env(), "DISPLAY": self.display})
        finally:
            os.close(master)
        self.window = int(self._line(self.tty), 16)
        self.x11 = x11.Display(self.display)
        self.paper_copy(b"\x1b[i")  # starts the printer's process now, not within somebody's test

    def _line(self, fd):
        return self._until(fd, re.compile(rb"\n")).decode(errors="replace").strip()

    def log(self):
        with open(f"{self.folder}/log", errors="replace") as f:
            return f.read()[-2000:]

    def close(self):
        if self.x11:
            self.x11.close()
            self.x11 = None
        for proc in reversed(self.procs):
            proc.terminate()
        for proc in self.procs:
            try:
                proc.wait(5)
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
        for fd in self.fds:
            os.close(fd)
        self.procs, self.fds = [], []
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- bytes

    def _until(self, fd, pattern, send=b"", keep=False):
        """Writes send and reads until pattern, which keep adds to the result; both at once, for
        xterm stops reading when nobody takes its answers."""
        got, end = b"", time.monotonic() + PATIENCE
        while True:
            left = end - time.monotonic()
            if left < 0 or (self.x and self.x.poll() is not None):
                raise Dead(f"no answer; got {got[-200:]!r}\n{self.log()}")
            r, w, _ = select.select([fd], [self.tty] if send else [], [], min(left, 1))
            if w:
                try:
                    send = send[os.write(self.tty, send[:65536]):]
                except BlockingIOError:
                    pass
            if r:
                try:
                    data = os.read(fd, 1 << 16)
                except OSError as e:
                    raise Dead(f"{e.strerror}\n{self.log()}") from e
                if not data:
                    raise Dead(f"end of file\n{self.log()}")
                got += data
                m = None if send else pattern.search(got, 0 if keep else max(0, len(got) - len(data) - 64))
                if m:
                    return got[:m.end()] if keep else got[:m.start()]

    def send(self, data):
        """Pushes data; what xterm answered to it. A sequence that data left open is cancelled, and
        VT52 mode and printing, in which xterm could not be asked, end."""
        return self._until(self.tty, SEEN, data + b"\x18\x1b<\x1b[4i" + SENTINEL)

    def ask(self, questions):
        """Answers to questions that each have one, in order."""
        got = self._until(self.tty, SEEN, b"".join(questions) + SENTINEL)
        found = re.findall(rb"\x1b\[[^\x1b]*?[@-~]|\x1b[P\]][^\x1b]*\x1b\\", got)
        if len(found) != len(questions):
            raise Blind(f"{len(found)} answers to {len(questions)} questions: {got!r}")
        return found

    def paper_copy(self, what):
        # After a mark, for a case may have printed; DECPEX: not the scrolling region alone.
        os.write(self.tty, b"\x1b[5i<<copy>>\x1b[4i\x1b[?19h" + what)
        copy = self._until(self.paper, re.compile(rb"<<copy>>[^\f]*(?=\f)"), keep=True)
        return copy.rsplit(b"<<copy>>", 1)[1].decode(errors="replace")

    # ---- cases

    def reset(self, cols, rows):
        # Out of strings; no NRCS, no pushed SGR; autoprint off; 7-bit answers; titles and colours back;
        # alternate screen blank.
        self.send(b"\x18\x1b\\\x1b[?42l\x1b%G" + 20 * b"\x1b[#}" +
                  b"\x1b[?4i\x1b F\x1bc\x1b[?40h\x1b[?40l\x1b[>T\x1b[23;0;1t\x1b]0;(none)\x1b\\"
                  b"\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b[>m\x1b[?1047h\x1b[2J\x1b[H\x1b7\x1b[?1047l")
        # Modes that were never saved are restored as off.
        self.send(b"\x1b[?7;25l\x1b[?1;5;6;7;9;25;45;47;66;69;1000;1002;1003;1004;1005;1006;1015;1047;1049;2004s")
        self.resize(cols, rows)
        self.send(b"\x1b[64;1\"p\x1bc\x1b[3J")

    def resize(self, cols, rows):
        if cols > LIMIT[0] or rows > LIMIT[1]:
            raise ValueError(f"{cols}x{rows} does not fit the display")
        for _ in range(50):
            got = self.ask([b"\x1b[18t"])[0]
            if got == b"\x1b[8;%d;%dt" % (rows, cols):
                return
            self.send(b"\x1b[8;%d;%dt" % (rows, cols))
            self._settle()
        raise Dead(f"asked for {cols}x{rows}, has {got!r}")

    def _settle(self):
        """Waits until xterm has seen what the X server told it of its new size: it reports a focus
        that is given it now after that."""
        before = self.ask([b"\x1b[?1004$p\x1b[?1004h"])[0]
        self.x11.focus(self.window)
        self._until(self.tty, re.compile(rb"(?:\x1b\[|\x9b)I"))
        if before != b"\x1b[?1004;1$y":
            self.send(b"\x1b[?1004l")

    def wheel(self, clicks):
        """Scrolls the view back by so many clicks of the wheel."""
        self.x11.click(self.window, 3, 6, button=4, times=clicks)

    def copied(self, row):
        """What a triple click into that row of the view copies."""
        self.x11.click(self.window, 3, row * CELL[1] + 6, times=3, pause=80)  # no click of the last ones'
        answer = self._until(self.tty, re.compile(rb"\x1b\]52;p;[^\x1b]*\x1b\\"), b"\x1b]52;p;?\x1b\\", keep=True)
        return base64.b64decode(re.search(rb"\x1b\]52;p;([^\x1b]*)", answer)[1]).decode()

    def show(self, cols, rows, steps):
        """A case from a reset terminal; the Screen to look at until the next one."""
        self.reset(cols, rows)
        replies, push = b"", b""  # pushes in a row are one: a sequence may go from one into the next
        for step in [*steps, None]:
            if isinstance(step, bytes):
                push += step
                continue
            replies += self.send(push)
            push = b""
            if step:
                cols, rows = step
                self.resize(cols, rows)
        return Screen(self, cols, rows, replies)


def sgr_pen(answer):
    """The pen of an answer `CSI ... m` or `DCS 1 $ r ... m ST`, in the words of tests/vt."""
    text = re.search(rb"([\d:;]*)m", answer).group(1).decode()
    names = {"1": "bold", "2": "faint", "3": "italic", "5": "blink", "7": "inverse", "8": "invisible",
             "9": "strike"}
    order = ["bold", "faint", "italic", "blink", "inverse", "invisible", "strike"]
    flags, line, fg, bg = set(), "", "", ""
    for word in text.split(";"):
        parts = word.split(":")
        n = int(parts[0] or 0)
        if word in names:
            flags.add(names[word])
        elif n in (4, 21) and len(parts) == 1:
            line = {4: "underline", 21: "double"}[n]
        elif 30 <= n <= 37 or 90 <= n <= 97:
            fg = f"fg={n - 30 if n < 90 else n - 82}"
        elif 40 <= n <= 47 or 100 <= n <= 107:
            bg = f"bg={n - 40 if n < 100 else n - 92}"
        elif n in (38, 48):
            colour = parts[2] if parts[1] == "5" else "#%02x%02x%02x" % tuple(int(p or 0) for p in parts[-3:])
            if n == 38:
                fg = f"fg={colour}"
            else:
                bg = f"bg={colour}"
    words = [n for n in order if n in flags] + [w for w in (line, fg, bg) if w]
    return " ".join(words) or "default"


class Screen:
    """What an xterm shows now. Looking changes nothing that a later look would see."""

    def __init__(self, xterm, cols, rows, replies):
        self.x, self.cols, self.height, self.replies = xterm, cols, rows, replies
        self._origin_off = False
        # 7-bit answers; first what depends on modes.
        xterm.send(b"\x1b<\x1b F")
        place, origin, region, side, self.title_sgr = xterm.ask(
            [b"\x1b[6n", b"\x1b[?6$p", b"\x1bP$qr\x1b\\", b"\x1bP$qs\x1b\\", b"\x1bP$qm\x1b\\"])
        if b"$r" not in side:
            raise Blind("no DECRQSS at this conformance level")
        row, col = (int(n) - 1 for n in re.findall(rb"\d+", place))
        self.region = tuple(int(n) - 1 for n in re.findall(rb"(\d+);(\d+)r", region)[0])
        told = re.findall(rb"(\d+);(\d+)s", side)  # below level 4 there are none
        self.margins = tuple(int(n) - 1 for n in told[0]) if told else (0, cols - 1)
        self.origin = origin == b"\x1b[?6;1$y"
        if self.origin:
            row += self.region[0]
            col += self.margins[0] if self.mode("?69") else 0
        self.cursor = (row, col)
        self._rows = None

    def mode(self, which):
        """Whether a mode is set: "4" or "?7"."""
        got = self.x.ask([f"\x1b[{which}$p".encode()])[0]
        return re.search(rb";(\d)\$y", got).group(1) in (b"1", b"3")

    def status(self, which):
        """What DECRQSS says, without its frame."""
        return self.x.ask([b"\x1bP$q" + which + b"\x1b\\"])[0][5:-2].decode()

    @property
    def current_pen(self):
        return sgr_pen(self.title_sgr)

    def title(self, which="21"):
        return self.x.ask([f"\x1b[{which}t".encode()])[0][3:-2].decode(errors="replace")

    def _absolute(self):
        """Rectangles count from the origin: off with it. The cursor was read before."""
        if self.origin and not self._origin_off:
            self.x.send(b"\x1b[?6l")
            self._origin_off = True

    def pens(self, places):
        """The pens of cells (row, column)."""
        self._absolute()
        asked = [b"\x1b[%d;%d;%d;%d#|" % (r + 1, c + 1, r + 1, c + 1) for r, c in places]
        return [sgr_pen(a) for a in self.x.ask(asked)]

    def pen(self, row, col):
        return self.pens([(row, col)])[0]

    @property
    def cells(self):
        """Rows of cells: text with its combining characters, "" the right half of a wide one.
        Cells at the end that were never drawn are missing."""
        if self._rows is None:
            self._rows = [paper_cells(line) for line in self._lines(b"\x1b[i")[-self.height:]]
        return self._rows

    @property
    def rows(self):
        """Rows as text, blanks at the end cut."""
        return ["".join(row).rstrip(" ") for row in self.cells]

    @property
    def history(self):
        """Lines above the screen, the newest last."""
        lines = self._lines(b"\x1b[?11i")
        return ["".join(paper_cells(line)).rstrip(" ") for line in lines[:len(lines) - self.height]]

    def _lines(self, what):
        return self.x.paper_copy(what).split("\r\n")[:-1]


def paper_cells(line):
    """The cells of a printed line."""
    row = []
    for char in re.sub(r"\x1b(\[[\d:;]*m|#\d)", "", line):
        if char == TAIL:
            row.append("")
        elif row and zero_width(char):
            # xterm keeps marks of a wide character in its right half
            at = len(row) - 1
            while at and not row[at]:
                at -= 1
            row[at] += char
        else:
            row.append(char)
    return row
