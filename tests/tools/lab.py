"""What the tests of udprelay and linklab share."""
import ctypes
import os
import select
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from lib.netlab import Program, why_not as why_no_link  # noqa: E402,F401

BUILD = os.environ.get("TERN_BUILD", "build")


def tool(name):
    return os.path.join(BUILD, "tools", name)


def receive(sock, timeout):
    """One datagram and its source, or None."""
    if not select.select([sock], [], [], timeout)[0]:
        return None
    return sock.recvfrom(65536)


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
