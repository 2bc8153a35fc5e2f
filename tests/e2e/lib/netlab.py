"""Two network namespaces with a link between them that can be made bad (tools/linklab)."""
import itertools
import json
import os
import signal
import socket
import subprocess

_count = itertools.count()


def why_not():
    """None, or what is missing here."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as e:
        return f"/dev/net/tun: {e.strerror}"
    probe = f"probe{os.getpid()}"
    try:
        p = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    except FileNotFoundError:
        return "iproute2 is not there"
    if p.returncode != 0:
        return f"no network namespaces: {p.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return None


class Program:
    """A program that prints one line beginning with "ready" when it is up and obeys lines on a socket."""

    def __init__(self, argv, control):
        self.control = control
        self.proc = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.proc.stdout.readline()
        if not self.ready.startswith("ready"):
            self.proc.wait(10)
            raise RuntimeError(f"{argv[0]}: {self.proc.stderr.read()}")

    def ask(self, line):
        """One command, its answer without the newline."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.control)
            s.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                got = s.recv(8192)
                if not got:
                    break
                answer += got
        return answer.decode().strip()

    def do(self, *lines):
        for line in lines:
            answer = self.ask(line)
            assert answer == "ok", f"{line}: {answer}"

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        assert self.proc.wait(20) == 0, self.proc.stderr.read()


class Netlab(Program):
    SERVER4, SERVER6 = "10.99.0.1", "fd99::1"

    def __init__(self, build, *settings):
        self.program = os.path.join(build, "tools", "linklab")
        self.name = f"te{os.getpid()}-{next(_count)}"
        self.client, self.server = f"{self.name}-c", f"{self.name}-s"
        subprocess.run([self.program, "clean", self.name], check=True)
        super().__init__([self.program, "start", self.name, *settings], f"/run/linklab-{self.name}.sock")

    def stats(self, what="p0.c2s"):
        return json.loads(self.ask("stats"))[what]

    def enter(self, side):
        """The words before a command that runs in the client's (c) or server's (s) namespace."""
        return ["ip", "netns", "exec", f"{self.name}-{side}"]

    def close(self):
        self.proc.send_signal(signal.SIGTERM)
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        subprocess.run([self.program, "clean", self.name])
