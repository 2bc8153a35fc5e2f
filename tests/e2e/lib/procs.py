"""Which processes a test has started, directly or not. The test process adopts orphans (it is a
subreaper), so a daemon cannot leave its tree."""
import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36

# How daemons that were reaped here ended: pid -> wait status.
ended = {}


def adopt_orphans():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _table():
    """pid -> (parent, state)"""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        table[int(name)] = (int(fields[1]), fields[0])
    return table


def descendants(root=None):
    """Pids below root (default: this process); zombies that nobody else will reap are reaped."""
    root = root or os.getpid()
    table = _table()
    found, level = set(), {root}
    while level:
        level = {pid for pid, (parent, _) in table.items() if parent in level}
        found |= level
    alive = set()
    for pid in found:
        parent, state = table[pid]
        if state != "Z":
            alive.add(pid)
        elif parent == os.getpid():
            try:
                reaped, status = os.waitpid(pid, os.WNOHANG)
                if reaped:
                    ended[pid] = status
            except ChildProcessError:
                pass
    return alive


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def name(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def named(text, root=None):
    """Descendants whose program name is text."""
    return {pid for pid in descendants(root) if name(pid) == text[:15]}


def end_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    end = time.monotonic() + 5
    while descendants() & set(pids) and time.monotonic() < end:
        time.sleep(0.01)
