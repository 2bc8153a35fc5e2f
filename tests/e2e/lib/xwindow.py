"""A program on a pty whose terminal is a real xterm under Xvfb (tools/xtermjudge): bytes are carried both ways, and
what passed is kept."""
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tools", "xtermjudge"))
import xterm as judge  # noqa: E402

QUIET = 0.15  # seconds without a byte after which the screen is looked at


class XWindow:
    """Starts argv in a reset xterm of that size. One at a time for each xterm."""

    def __init__(self, xterm, argv, cols, rows, env):
        self.xterm, self.cols, self.height = xterm, cols, rows
        xterm.reset(cols, rows)
        self.sent, self.typed = b"", b""  # to the terminal; from it and from us
        self.pty, tty = os.openpty()
        fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.tty_name = os.ttyname(tty)
        self.proc = subprocess.Popen(argv, stdin=tty, stdout=tty, stderr=tty, env={**env, "TERM": "xterm-256color"},
                                     start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(tty)
        self.open = True

    def type(self, text):
        data = text.encode()
        self.typed += data
        os.write(self.pty, data)

    def pump(self, seconds):
        """Carries bytes for so long at most; whether one passed."""
        fds = [self.xterm.tty] + ([self.pty] if self.open else [])
        ready = select.select(fds, [], [], seconds)[0]
        for fd in ready:
            try:
                data = os.read(fd, 1 << 16)
            except OSError:
                data = b""
            if fd == self.pty and not data:
                self.open = False  # the program has gone
            elif fd == self.pty:
                self.sent += data
                self._to_xterm(data)
            else:
                self.typed += data
                os.write(self.pty, data)
        return bool(ready)

    def _to_xterm(self, data):
        while data:
            try:
                data = data[os.write(self.xterm.tty, data):]
            except BlockingIOError:
                select.select([], [self.xterm.tty], [], 1)

    def look(self):
        """The Screen, once nothing has passed for a while. (What xterm is asked must not be mixed with what the
        program asks.)"""
        end = time.monotonic() + 20
        while self.pump(QUIET):
            assert time.monotonic() < end, "the program never pauses"
        return judge.Screen(self.xterm, self.cols, self.height, b"")

    def wait(self, condition, what, timeout=20):
        """Until condition(self.look()) holds; returns what it gave."""
        end = time.monotonic() + timeout
        while True:
            screen = self.look()
            value = condition(screen)
            if value:
                return value
            assert time.monotonic() < end and self.open, f"not in time: {what}\n" + "\n".join(screen.rows)
            self.pump(0.1)

    def wait_for(self, text):
        self.wait(lambda s: any(text in row for row in s.rows), f"{text!r} on the screen")

    def wait_sent(self, data, timeout=20):
        end = time.monotonic() + timeout
        while data not in self.sent:
            assert time.monotonic() < end and self.open, f"{data!r} was not sent: {self.sent[-300:]!r}"
            self.pump(0.2)

    def picture(self):
        """What can be compared: cells with pens, cursor, what modes say (not ?1 and
        ?66: tern's server translates keys)."""
        s = self.look()
        pens = iter(s.pens([(r, c) for r in range(s.height) for c in range(s.cols)]))
        cells = []
        for row in s.cells:
            row = [c or "" for c in row] + [" "] * (s.cols - len(row))
            cells.append([(c, ink(c, next(pens))) for c in row[:s.cols]])
        return {"cells": cells, "cursor": s.cursor if s.mode("?25") else None,
                "modes": {m: s.mode(m) for m in ("?5", "?25", "?1000", "?1002", "?1003", "?1004", "?1006",
                                                 "?2004", "?1049")}}

    def end(self, timeout=15):
        """Waits for the program's end; its status."""
        end = time.monotonic() + timeout
        while self.open:
            assert time.monotonic() < end, "the program does not end"
            self.pump(0.2)
        status = self.proc.wait(timeout)
        os.close(self.pty)
        return status


def ink(char, pen):
    """On a blank the foreground shows no ink."""
    if char != " ":
        return pen
    return " ".join(w for w in pen.split() if w.startswith("bg=") or w in ("inverse", "underline", "double", "strike"))


def difference(a, b):
    """None, or what differs between two pictures."""
    out = [f"{k}: {a[k]} and {b[k]}" for k in ("cursor", "modes") if a[k] != b[k]]
    for y, (ra, rb) in enumerate(zip(a["cells"], b["cells"])):
        x = next((i for i in range(len(ra)) if ra[i] != rb[i]), None)
        if x is not None:
            out += [f"row {y} from column {x}: {ra[x]} and {rb[x]}"] + ["  " + "".join(c for c, _ in r) for r in (ra, rb)]
    return "\n".join(out) or None
