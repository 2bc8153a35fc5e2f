"""A private tmux server: the terminal in which programs run, and the judge of what they show."""
import os
import shlex
import subprocess
import tempfile

from lib import procs, screen
from lib.wait import wait_until

CONFIG = """
set -g status off
set -g escape-time 0
set -g remain-on-exit on
set -g remain-on-exit-format ""
set -g history-limit 400000
set -g allow-rename off
set -g set-titles off
set -g default-shell /bin/sh
set -g default-terminal tmux-256color
set -g assume-paste-time 0
set -as terminal-features ",*:256:RGB:usstyle:overline:strikethrough"
"""


def stty_size(tty):
    """(columns, rows) as the kernel has them."""
    p = subprocess.run(["stty", "size", "-F", tty], check=True, capture_output=True, text=True)
    rows, cols = map(int, p.stdout.split())
    return cols, rows


class Window:
    """One window with one pane of a fixed size."""

    def __init__(self, tmux, target):
        self.tmux = tmux
        self.target = target
        self.viewer = None

    # ---- what goes in

    def keys(self, *names):
        """tmux key names: Enter, C-c, Up, ..."""
        self.tmux.run("send-keys", "-t", self.target, *names)

    def type(self, text):
        """Characters as they are."""
        for i in range(0, len(text), 4000):
            self.tmux.run("send-keys", "-t", self.target, "-l", "--", text[i:i + 4000])

    def line(self, text):
        self.type(text)
        self.keys("Enter")

    def resize(self, cols, rows):
        """Returns once the program's terminal has the size: tmux changes it with a delay."""
        self.tmux.run("resize-window", "-t", self.target, "-x", str(cols), "-y", str(rows))
        tty = self.tty()
        wait_until(lambda: stty_size(tty) == (cols, rows), 10, f"{cols}x{rows} in the kernel")
        if self.viewer:
            self.viewer.resize(cols, rows)

    # ---- what comes out

    def ask(self, fmt):
        return self.tmux.run("display-message", "-p", "-t", self.target, fmt).rstrip("\n")

    def text(self, history=False):
        """The screen as text, one line a row, blanks at the right cut."""
        more = ["-S", "-"] if history else []
        return self.tmux.run("capture-pane", "-p", "-t", self.target, *more)

    def rows(self):
        return self.text().split("\n")

    def cells(self):
        """The screen with attributes; see screen.cells."""
        return screen.cells(self.tmux.run("capture-pane", "-p", "-e", "-N", "-t", self.target))

    def picture(self):
        """As cells, but blanks with a background of their own are seen however they came to be:
        a capture leaves out cells that were cleared and never written (EL, ECH), while a tmux
        that shows this one, on a terminal without bce, must write them."""
        if not self.viewer:
            self.viewer = self.tmux.view(self)
        return self.viewer.cells()

    def cursor(self):
        """(column, row) as the user sees it, or None while it is hidden. A cursor that waits behind the
        last column to wrap is drawn on it."""
        x, y, shown, width = map(int, self.ask("#{cursor_x} #{cursor_y} #{cursor_flag} #{pane_width}").split())
        return (min(x, width - 1), y) if shown else None

    def modes(self):
        """Switches that a program must leave as it found them."""
        names = ["alternate_on", "cursor_flag", "insert_flag", "keypad_cursor_flag", "keypad_flag",
                 "mouse_any_flag", "mouse_sgr_flag", "mouse_button_flag", "mouse_standard_flag",
                 "origin_flag", "wrap_flag", "scroll_region_upper", "scroll_region_lower"]
        values = self.ask(" ".join(f"#{{{n}}}" for n in names)).split(" ")
        return dict(zip(names, values))

    def title(self):
        return self.ask("#{pane_title}")

    def tty(self):
        return self.ask("#{pane_tty}")

    def pid(self):
        return int(self.ask("#{pane_pid}"))

    def stty(self):
        """The terminal's modes as the kernel keeps them."""
        return subprocess.run(["stty", "-g", "-F", self.tty()], check=True, capture_output=True,
                              text=True).stdout.strip()

    def dead(self):
        return self.ask("#{pane_dead}") == "1"

    # ---- waiting

    def wait(self, condition, timeout=15, what=None):
        return wait_until(condition, timeout, what, self.text)

    def wait_for(self, text, timeout=15):
        """Until the screen holds text (in one row)."""
        self.wait(lambda: text in self.text(), timeout, f"{text!r} on the screen")

    def wait_gone(self, text, timeout=15):
        self.wait(lambda: text not in self.text(), timeout, f"no {text!r} on the screen")

    def wait_row(self, text, timeout=15):
        """Until one row is exactly text."""
        self.wait(lambda: text in self.rows(), timeout, f"a row {text!r}")

    def settled(self, timeout=15):
        """The picture and cursor once they stand still for a quarter of a second (programs never
        say that they are done drawing)."""
        last = [None, 0]

        def still():
            now = (self.picture(), self.cursor())
            last[1] = last[1] + 1 if now == last[0] else 0
            last[0] = now
            return last[1] >= 4

        self.wait(still, timeout, "a screen that stands still")
        return last[0]


class Shell(Window):
    """A window with a bare shell whose prompt is `outer$`: how programs are started and what is left
    of them is seen."""

    PROMPT = "outer$"

    def ready(self, timeout=15):
        self.wait(lambda: [r for r in self.rows() if r][-1:] == [self.PROMPT], timeout, "the shell's prompt")
        return self

    def start(self, command):
        """Once this returns, the next bare prompt is the one after the command."""
        self.type(command)
        self.wait(lambda: "".join(r for r in self.rows() if r).endswith(command.rstrip()[-30:]), 10,
                  "the command's echo")
        self.keys("Enter")

    def clear(self):
        """An empty screen with the prompt."""
        self.line("clear")
        self.wait(lambda: [r for r in self.rows() if r] == [self.PROMPT], 10, "an empty screen")

    def enter(self, command, prompt, timeout=20):
        """Start what ends in the prompt of another shell, of a session for instance."""
        self.start(command)
        self.wait_prompt(prompt, timeout)

    def wait_prompt(self, prompt, timeout=20):
        def last():
            return ([r for r in self.rows() if r] or [""])[-1]

        self.wait(lambda: last() in (prompt, self.PROMPT), timeout, f"the prompt {prompt}")
        assert last() == prompt, self.text()

    def finish(self, timeout=15):
        """Waits for the prompt and asks for the status of what ran before; an int."""
        self.ready(timeout)
        self.line("echo status=$?=")
        self.wait(lambda: any(r.startswith("status=") for r in self.rows()), 10, "a status")
        row = [r for r in self.rows() if r.startswith("status=")][-1]
        self.ready()
        return int(row.split("=")[1])


class Tmux:
    def __init__(self, env):
        self.dir = tempfile.mkdtemp(prefix="tmux-", dir=env["TMPDIR"])
        self.env = dict(env, TMUX_TMPDIR=self.dir)
        self.env.pop("TMUX", None)
        config = os.path.join(self.dir, "conf")
        with open(config, "w") as f:
            f.write(CONFIG)
        self.base = ["tmux", "-u", "-L", "t", "-f", config]
        self.started = False
        self.pid = None
        self.judge = None

    def start(self, log=None):
        """The server, and a session that only keeps it; it logs all it does into the folder `log`."""
        p = subprocess.run([*self.base[:1], *(["-vv"] if log else []), *self.base[1:], "new-session", "-d", "-s", "first",
                            "sleep 100000"], env=self.env, cwd=log, capture_output=True, text=True, timeout=30)
        assert p.returncode == 0, p.stderr
        self.started, self.pid = True, int(self.run("display-message", "-p", "#{pid}"))

    def run(self, *args):
        p = subprocess.run([*self.base, *args], env=self.env, capture_output=True, text=True, timeout=30)
        assert p.returncode == 0, f"tmux {shlex.join(args)}: {p.stderr}"
        return p.stdout

    def window(self, argv, cols=80, rows=24, env=None, kind=Window):
        """A new window; env is added to the server's own."""
        more = [w for k, v in (env or {}).items() for w in ("-e", f"{k}={v}")]
        where = ["new-session", "-d", "-P", "-F", "#{pane_id}", "-x", str(cols), "-y", str(rows), *more]
        target = self.run(*where, shlex.join(argv)).strip()
        if not self.started:
            self.started = True
            self.pid = int(self.run("display-message", "-p", "#{pid}"))
        return kind(self, target)

    def view(self, window):
        """A window of a second tmux that shows a window of this one."""
        if not self.judge:
            self.judge = Tmux(self.env)
        cols, rows = window.ask("#{window_width} #{window_height}").split()
        # Without TMUX: a pane that is dead keeps the name of its terminal, which by now may be the viewer's.
        w = self.judge.window(["env", "-u", "TMUX", f"TMUX_TMPDIR={self.dir}", *self.base, "attach", "-f",
                               "read-only,ignore-size", "-t", window.target], int(cols), int(rows))
        wait_until(lambda: window.ask("#{session_attached}") == "1", 10, "the viewer", w.text)
        return w

    def shell(self, cols=80, rows=24, env=None, ready=True):
        env = {"PS1": Shell.PROMPT + " ", "HISTFILE": "", **(env or {})}
        w = self.window(["bash", "--norc", "--noprofile", "+m"], cols, rows, env, Shell)
        return w.ready() if ready else w

    def close(self):
        if self.judge:
            self.judge.close()
        if self.started:
            subprocess.run([*self.base, "kill-server"], env=self.env, capture_output=True, timeout=30)
            wait_until(lambda: self.pid not in procs.descendants(), 10, "the end of tmux")
