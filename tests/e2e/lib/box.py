"""A private world for one test: home, configuration, temporary and socket folders, PATH with the
programs under test, and a look at what is left behind."""
import os
import shutil
import stat
import subprocess
import tempfile

from lib import procs
from lib.tmux import Tmux
from lib.wait import wait_until

INNER = "inner$"


class Box:
    def __init__(self):
        self.build = os.path.abspath(os.environ.get("TERN_BUILD", "build"))
        self.root = tempfile.mkdtemp(prefix="te-", dir="/tmp")  # short: sockets live below it
        for name in ("home", "config", "tmp", "bin"):
            os.mkdir(os.path.join(self.root, name))
        self.home = os.path.join(self.root, "home")
        self.env = {
            **{k: os.environ[k] for k in ("USER", "LOGNAME") if k in os.environ},
            # What a sanitizer finds would be lost with the terminal: see close().
            "ASAN_OPTIONS": f"log_path={self.root}/found:handle_segv=2",
            "UBSAN_OPTIONS": f"log_path={self.root}/found:print_stacktrace=1",
            "HOME": self.home,
            "PATH": f"{self.root}/bin:{self.build}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/bash",
            "TMPDIR": f"{self.root}/tmp",
            "TERN_TMPDIR": f"{self.root}/tmp",
            "XDG_CONFIG_HOME": f"{self.root}/config",
            "TZ": "UTC",
            "F": f"{self.root}/ssh_config",  # what ssh -F $F takes; see sshd.Host
        }
        self.before = procs.descendants()
        self.script("inner", f"PS1='{INNER} ' HISTFILE= exec bash --norc --noprofile -i")
        with open(os.path.join(self.home, ".bash_profile"), "w") as f:
            f.write("PS1='login$ '\nunset HISTFILE\n")
        # What both ends say of themselves is shown when a test fails.
        self.logs = [f"{self.root}/client.log", f"{self.root}/server.log"]
        self.config(f"Log {self.logs[0]}\nServerLog {self.logs[1]}\n")
        self._tmux = None
        self._closers = []

    def log_text(self, most=4000):
        """The end of the logs of client and server."""
        out = ""
        for path in self.logs:
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    out += f"--- {os.path.basename(path)}\n{f.read()[-most:]}"
        return out

    @property
    def tmux(self):
        if not self._tmux:
            self._tmux = Tmux(self.env)
        return self._tmux

    def script(self, name, text, shell="/bin/sh"):
        """A program in PATH: one word, so that no quoting comes between."""
        path = os.path.join(self.root, "bin", name)
        with open(path, "w") as f:
            f.write(f"#!{shell}\n{text}\n")
        os.chmod(path, 0o755)
        return path

    def config(self, text):
        folder = os.path.join(self.root, "config", "tern")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config"), "w") as f:
            f.write(text)

    def file(self, name):
        return os.path.join(self.root, name)

    def run(self, *argv, timeout=30, **more):
        """A program without a terminal; the CompletedProcess with text."""
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=timeout,
                              cwd=self.home, **more)

    def on_close(self, call):
        self._closers.append(call)

    # ---- sessions

    def sessions(self):
        """The lines of tern --ls that tell of a session, as lists of words."""
        p = self.run("tern", "--ls")
        assert p.returncode == 0, p.stderr
        lines = p.stdout.splitlines()
        assert not lines or lines[0].startswith("NAME ")  # a table has a head
        return [line.split() for line in lines[1:]]

    def session_names(self):
        return [words[0] for words in self.sessions()]

    def servers(self):
        return procs.named("tern-server")

    def clients(self):
        return procs.named("tern")

    def wait_no_server(self, timeout=15):
        wait_until(lambda: not self.servers(), timeout, "no tern-server",
                   lambda: str([procs.command_line(p) for p in self.servers()]))

    # ---- the end

    def left(self):
        mine = procs.descendants() - self.before
        return {p: procs.command_line(p) or procs.name(p) for p in mine}

    def close(self, check=True, patience=15):
        """Ends tmux and what the test asked to end, then nothing may be left: no process, no socket."""
        for call in reversed(self._closers):
            call()
        if self._tmux:
            self._tmux.close()
        try:
            if check:
                wait_until(lambda: not self.left(), patience, "no process left", lambda: f"{self.left()}\n{self.log_text()}")
                sockets = [os.path.join(d, f) for d, _, files in os.walk(f"{self.root}/tmp")
                           for f in files if stat.S_ISSOCK(os.lstat(os.path.join(d, f)).st_mode)
                           and "tmux-" not in d]
                assert not sockets, f"sockets left: {sockets}"
            found = "".join(open(f"{self.root}/{f}").read() for f in os.listdir(self.root)
                            if f.startswith("found."))
            assert not found, found
        finally:
            procs.end_all(self.left())
            shutil.rmtree(self.root, ignore_errors=True)
