"""Sessions between mosh's binaries and our own in every combination. Names: "stock" and "ours". No
stock process may ever be aborted: the exit of each is looked at."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess

import pytest

from lib import procs
from lib.wait import wait_until

PROMPT = "inner$"
COMBOS = [("stock", "ours"), ("ours", "stock"), ("ours", "ours"), ("stock", "stock")]
MIXED = COMBOS[:2]
NAMES = ["-to-".join(c) for c in COMBOS]


class Server:
    def __init__(self, kind, port, key, pid, out, err):
        self.kind, self.port, self.key, self.pid, self.out, self.err = kind, port, key, pid, out, err

    def alive(self):
        return self.pid in procs.descendants()

    def wait_end(self, timeout=15):
        wait_until(lambda: not self.alive(), timeout, f"the end of {self.kind} mosh-server")
        return procs.ended.get(self.pid)


class Relay:
    """udprelay in front of a server."""

    def __init__(self, box, port, settings=""):
        self.path = box.file(f"relay-{port}.sock")
        self.proc = subprocess.Popen(
            [f"{box.build}/tools/udprelay", "listen=127.0.0.1:0", f"to=127.0.0.1:{port}",
             f"control={self.path}", *settings.split()], stdout=subprocess.PIPE, text=True)
        line = self.proc.stdout.readline()
        assert line.startswith("ready "), line
        self.port = int(line.rsplit(":", 1)[1])
        box.on_close(self.close)

    def do(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            f = s.makefile("rw")
            f.write(command + "\n")
            f.flush()
            answer = f.readline().strip()
        assert not answer.startswith("err"), answer
        return answer

    def stats(self):
        return json.loads(self.do("stats"))

    def close(self):
        self.proc.terminate()
        self.proc.wait()


class Moshes:
    def __init__(self, box):
        self.box = box
        self.servers = []
        ours = box.file("ours")
        os.mkdir(ours)
        os.symlink(f"{box.build}/tern", f"{ours}/mosh-client")
        os.symlink(f"{box.build}/tern-server", f"{ours}/mosh-server")
        self.folder = {"ours": ours}
        for name in ("mosh-client", "mosh-server"):
            path = shutil.which(name, path="/usr/bin:/usr/local/bin")
            self.folder["stock"] = os.path.dirname(path) if path else None

    def path(self, kind, name):
        folder = self.folder[kind]
        if not folder:
            pytest.skip("mosh is not installed")
        return os.path.join(folder, name)

    # ---- servers

    def run_server(self, kind, *args, env=None, **more):
        """Only what the command prints; see server()."""
        more.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run([self.path(kind, "mosh-server"), *args], capture_output=True, timeout=20,
                           cwd=self.box.home, env={**self.box.env, **(env or {})}, **more)
        p.stdout, p.stderr = p.stdout.decode(), p.stderr.decode()  # as they are, CR included
        return p

    def server(self, kind, *command, options=("-c", "256"), env=None, bind="127.0.0.1", **more):
        """A running server; the command is the test's inner shell if none is given."""
        words = ["new", "-i", bind, "-p", "61000:61999", *options, "--", *(command or ["inner"])]
        s = self.adopt(kind, self.run_server(kind, *words, env=env, **more))
        s.address = bind
        return s

    def adopt(self, kind, p):
        """The server that a finished command has started."""
        connect = re.search(r"^MOSH CONNECT (\d+) ([A-Za-z0-9/+]{22})$", p.stdout, re.M)
        pid = re.search(r"^\[mosh-server detached, pid = (\d+)\]$", p.stderr, re.M)
        assert p.returncode == 0 and connect and pid, p
        s = Server(kind, int(connect[1]), connect[2], int(pid[1]), p.stdout, p.stderr)
        s.address = "127.0.0.1"
        self.servers.append(s)
        return s

    # ---- clients

    def client_words(self, kind, server, port=None, env=None, args=()):
        env = {"MOSH_KEY": server.key, "MOSH_PREDICTION_DISPLAY": "never", **(env or {})}
        return ["env", *[f"{k}={v}" for k, v in env.items()], self.path(kind, "mosh-client"), *args,
                server.address, str(port or server.port)]

    def client(self, kind, server, port=None, cols=80, rows=24, env=None):
        """The client in a window of its own (see start() for one in a shell)."""
        return self.box.tmux.window(self.client_words(kind, server, port, env), cols, rows)

    def start(self, kind, server, port=None, cols=80, rows=24, env=None, prompt=PROMPT):
        """The client in a shell: what is left of it, and its status, are seen (w.finish())."""
        name = f"c{len(os.listdir(self.box.file('bin')))}"
        self.box.script(name, "exec " + shlex.join(self.client_words(kind, server, port, env)))
        w = self.box.tmux.shell(cols, rows)
        w.start(name)
        if prompt:
            w.wait(lambda: [r for r in w.rows() if r][-1:] == [prompt], 20, "the session's prompt")
        return w

    # ---- the end

    def close(self, check=True):
        for _ in range(2):  # the second time is at once
            for s in self.servers:
                if s.alive():
                    try:
                        os.kill(s.pid, signal.SIGTERM)
                    except ProcessLookupError:
                        pass
            try:
                wait_until(lambda: not any(s.alive() for s in self.servers), 0.5)
            except AssertionError:
                pass
        if not check:
            return
        for s in self.servers:
            s.wait_end()
            status = procs.ended.get(s.pid)
            aborted = status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) not in (9, 15)
            assert not aborted, f"{s.kind} mosh-server died of signal {os.WTERMSIG(status)}"
