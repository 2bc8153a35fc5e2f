"""What the tests of udprelay and linklab share."""
import ctypes
import os
import select
import signal
import socket
import subprocess
import threading

BUILD = os.environ.get("TERN_BUILD", "build")


def tool(name):
    return os.path.join(BUILD, "tools", name)


class Program:
    """A program that prints one line beginning with "ready" when it is up."""

    def __init__(self, argv, control):
        self.control_path = control
        self.proc = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.proc.stdout.readline()
        if not self.ready.startswith("ready"):
            self.proc.wait(10)
            raise RuntimeError(f"{argv[0]}: {self.proc.stderr.read()}")

    def ctl(self, line):
        """One command, its answer without the newline."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.control_path)
            s.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                got = s.recv(8192)
                if not got:
                    break
                answer += got
        return answer.decode().strip()

    def do(self, line):
        answer = self.ctl(line)
        assert answer == "ok", f"{line}: {answer}"

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        assert self.proc.wait(20) == 0, self.proc.stderr.read()


def receive(sock, timeout):
    """One datagram and its source, or None."""
    if not select.select([sock], [], [], timeout)[0]:
        return None
    return sock.recvfrom(65536)


def why_no_link():
    """None, or what linklab lacks here."""
    if os.geteuid() != 0:
        return "linklab needs root"
    if not os.path.exists("/dev/net/tun"):
        return "linklab needs /dev/net/tun"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as e:
        return f"linklab needs /dev/net/tun: {e}"
    probe = f"probe{os.getpid()}"
    try:
        p = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    except FileNotFoundError:
        return "linklab needs iproute2"
    if p.returncode != 0:
        return f"linklab needs network namespaces: {p.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe])
    return None


def in_namespace(name, make):
    """make() with the calling thread in the network namespace: a socket stays where it was made."""
    result = []

    def work():
        with open(f"/run/netns/{name}") as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        result.append(make())

    t = threading.Thread(target=work)
    t.start()
    t.join()
    return result[0]
