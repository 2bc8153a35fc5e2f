"""A terminal on a pty, played by a thread: it answers what it is told to answer, and keeps every byte
that came. So a test can be a terminal that is not installed here, or one that does not behave."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time

from lib.wait import wait_until

DA1 = b"\x1b[c"
# A terminal like kitty: what it answers to each question of ours.
KITTY = {
    b"\x1b[>q": b"\x1bP>|kitty(0.30.0)\x1b\\",
    b"\x1b[?u": b"\x1b[?0u",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?2027$p": b"\x1b[?2027;2$y",
    b"\x1b[?2031$p": b"\x1b[?2031;2$y",
    b"\x1b[?1016$p": b"\x1b[?1016;2$y",
    b"\x1b[?996n": b"\x1b[?997;1n",
    b"\x1b[16t": b"\x1b[6;20;10t",
    b"\x1b[14t": b"\x1b[4;480;800t",
    b"\x1b]10;?\x1b\\": b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\",
    b"\x1b]11;?\x1b\\": b"\x1b]11;rgb:1212/3434/5656\x1b\\",
    b"\x1b]12;?\x1b\\": b"\x1b]12;rgb:ffff/0000/ffff\x1b\\",
    b"\x1b[6n": b"\x1b[1;3R",
    DA1: b"\x1b[?62;c",
}
for _i in range(16):
    KITTY[b"\x1b]4;%d;?\x1b\\" % _i] = b"\x1b]4;%d;rgb:%02x/00/00\x1b\\" % (_i, _i)


class PtyTerm:
    """Runs argv on a pty. answers: question -> answer; delay: seconds before each answer."""

    def __init__(self, argv, env, answers=None, delay=0.0, cols=80, rows=24):
        self.answers, self.delay = answers or {}, delay
        self.bytes, self.mark, self.status = b"", 0, None
        self._seen = 0
        self._late = []
        self.lock = threading.Lock()
        self.reads = threading.Event()  # cleared: it stands still
        self.reads.set()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {"TERM": "xterm-256color", **env})
        self.resize(cols, rows)
        questions = sorted(self.answers, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(q) for q in questions)) if questions else None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resize(self, cols, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def _write(self, data):
        try:
            os.write(self.fd, data)
        except OSError:
            pass

    def _answer(self):
        if not self._pattern:
            return
        for m in self._pattern.finditer(self.bytes, self._seen):
            self._seen = m.end()
            self._late.append((time.monotonic() + self.delay, self.answers.get(m.group(), b"")))

    def _run(self):
        while True:
            try:
                if self.reads.wait(0.01) and select.select([self.fd], [], [], 0.01)[0]:
                    got = os.read(self.fd, 65536)
                    if not got:
                        break
                    with self.lock:
                        self.bytes += got
                        self._answer()
            except OSError:
                break
            while self._late and self._late[0][0] <= time.monotonic():
                self._write(self._late[0][1])
                self._late.pop(0)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def type(self, text):
        self._write(text if isinstance(text, bytes) else text.encode())

    def new(self):
        """What came since the last cut()."""
        return self.bytes[self.mark:]

    def cut(self):
        self.mark = len(self.bytes)

    def wait_for(self, what, timeout=15, since=True):
        want = what if isinstance(what, bytes) else what.encode()
        wait_until(lambda: want in (self.new() if since else self.bytes), timeout, repr(want),
                   lambda: repr(self.new()[-3000:]))

    def owes(self):
        """Whether an answer is still to be given."""
        return bool(self._late)

    def settled(self, seconds=0.3):
        """Waits until nothing more came for a while."""
        at = [len(self.bytes), time.monotonic()]

        def quiet():
            if len(self.bytes) != at[0]:
                at[:] = len(self.bytes), time.monotonic()
            return time.monotonic() - at[1] >= seconds
        wait_until(quiet, 15, "an end of the output")

    def wait_end(self, timeout=15):
        wait_until(lambda: self.status is not None, timeout, "the end of the program",
                   lambda: repr(self.new()[-1000:]))
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, 9)
            except ProcessLookupError:
                pass
            self._thread.join(5)
        os.close(self.fd)
