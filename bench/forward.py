#!/usr/bin/python3
"""Forwards: one connection through `tern -L` beside `ssh -L`, and keys in the session that carries it, for the bench and by hand.

    bench/forward.py --build DIR [--link veth|SETTINGS] [--clients LIST] [--ways down,up] [--seconds N] [--rounds N]
    bench/forward.py --build DIR --echo [--link SETTINGS] [--rounds N]

A program at each end of the link pours or counts zeros over TCP; all that is measured goes through the forward. Clients take turns
in one run, as in bulk.py, whose links and sshd these are.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

NEAR, FAR = 9100, 9101
ECHO_LINK = "rtt=20,rate=20mbit,queue=200ms"
PIECE = bytes(1 << 17)


# ---- the programs at the ends ----


def count(s, warm, seconds):
    """Bytes that come in so many seconds, after some that do not count."""
    room, n, begin = bytearray(1 << 18), 0, time.monotonic() + warm
    while (now := time.monotonic()) < begin + seconds:
        got = s.recv_into(room)
        if not got:
            raise SystemExit("the connection ended")
        n += got if now >= begin else 0
    return n


def pour(s):
    try:
        while True:
            s.sendall(PIECE)
    except OSError:
        pass


def far_end(warm, seconds):
    """Who says "d" is poured on; what others send is counted."""
    listener = socket.create_server(("127.0.0.1", FAR))

    def serve(c):
        if c.recv(1) == b"d":
            pour(c)
        else:
            c.sendall(b"%d\n" % count(c, warm, seconds))

    while True:
        c, _ = listener.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


def near_end(way, warm, seconds):
    until = time.monotonic() + 60
    while True:
        try:
            s = socket.create_connection(("127.0.0.1", NEAR))
            break
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    s.sendall(b"d" if way == "down" else b"u")
    if way == "down":
        print("begun", flush=True)
        print(count(s, warm, seconds), flush=True)
    else:
        threading.Thread(target=pour, args=(s,), daemon=True).start()
        print(s.makefile().readline().strip(), flush=True)
    os._exit(0)


# ---- measuring ----


class Ends:
    """A bed with the far program running."""

    def __init__(self, build, link, warm, seconds):
        import bulk
        self.bulk, self.bed, self.warm, self.seconds = bulk, bulk.Bed(build, link), warm, seconds
        self.far = self.run(self.bed.lab.server, "--far")

    def run(self, namespace, *words):
        return subprocess.Popen([*self.bed.lab.enter(namespace), sys.executable, __file__, *words, "--warm", str(self.warm),
                                 "--seconds", str(self.seconds)], stdout=subprocess.PIPE, text=True)

    def rate(self, client, way):
        """(MB/s, CPU seconds for each GB)"""
        carrier = subprocess.Popen(self.bed.command(client, "-N", "-L", f"{NEAR}:127.0.0.1:{FAR}", "lab"),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        near = self.run(self.bed.lab.client, "--near", way)
        try:
            if way == "down":
                near.stdout.readline()
            before = self.bed.cpu()
            n = int(near.communicate(timeout=self.warm + self.seconds + 90)[0].split()[-1])
            spent = self.bulk.spent_since(self.bed, before)
            return n / self.seconds / 1e6, spent / (n * (self.warm + self.seconds) / self.seconds) * 1e9
        finally:
            near.kill()
            carrier.terminate()
            carrier.wait(20)

    def close(self):
        self.far.kill()
        self.bed.close()


def echo(build, link, rounds):
    """{filled: [times]} of keys in a tern session, without and with its own forward filling the link."""
    import process
    from local import Terminal, echo_times
    got = {False: [], True: []}
    for _ in range(rounds):
        for filled in got:
            ends = Ends(build, link, 5, 600)
            t = Terminal(ends.bed.command("tern", "-tt", "-L", f"{NEAR}:127.0.0.1:{FAR}", "lab",
                                          "stty raw -echo; echo up; exec cat"), process.environment())
            near = None
            try:
                until = time.monotonic() + 90
                while b"up" not in t.seen:
                    if time.monotonic() > until or t.ended():
                        raise RuntimeError("no session to type in")
                    t.read(0.5)
                t.settle(1)
                if filled:
                    near = ends.run(ends.bed.lab.client, "--near", "down")
                    near.stdout.readline()
                    time.sleep(5)
                got[filled] += echo_times(t, 0, 40)
            finally:
                if near:
                    near.kill()
                t.type(b"\r~.")
                until = time.monotonic() + 5
                while not t.ended() and time.monotonic() < until:
                    t.read(0.05)
                os.close(t.fd)
                ends.close()
    return got


def table(build, rounds):
    """The lines of the page, and what is over its budget."""
    import bulk
    lines, worst = list(bulk.RATE_HEAD), []
    for link, title, *_ in bulk.LINKS:
        ends, got = Ends(build, link, 3, 6), {}
        try:
            for number in range(max(2, rounds)):
                for way in bulk.WAYS:
                    for client in bulk.turns(list(bulk.CLIENTS), number):
                        rate = ends.rate(client, way)
                        got.setdefault((way, 1), {}).setdefault(client, []).append(rate)
                        print(f"  {title}, {client}, {way}: {rate[0]:.2f} MB/s, {rate[1]:.2f} s/GB", flush=True)
        finally:
            ends.close()
        more, over = bulk.rate_rows(link, title, got, "a forward")
        lines += more
        worst += over
    times = echo(build, ECHO_LINK, max(2, rounds // 2))
    idle, busy = (statistics.median(times[f]) for f in (False, True))
    lines += ["", f"Echo of a key at 20 ms and 20 Mbit/s: {idle:.0f} ms idle, {busy:.0f} ms while a forward of the same session fills the link."]
    if busy > 1.5 * idle + 10:
        worst.append(f"keys beside a forward: {busy:.0f} ms, budget {1.5 * idle + 10:.0f}")
    return lines, worst


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=Path)
    p.add_argument("--link")
    p.add_argument("--clients", default="ssh,ssh-gcm,tern")
    p.add_argument("--ways", default="down,up")
    p.add_argument("--warm", type=float, default=2)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--echo", action="store_true")
    p.add_argument("--far", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--near", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.far:
        far_end(a.warm, a.seconds)
    if a.near:
        near_end(a.near, a.warm, a.seconds)
    build = a.build.resolve()
    if a.echo:
        for filled, times in echo(build, a.link or ECHO_LINK, a.rounds).items():
            times.sort()
            print(json.dumps({"filled": filled, "median": round(statistics.median(times), 1),
                              "p90": round(times[len(times) * 9 // 10], 1), "load": os.getloadavg()[0]}), flush=True)
        return
    link = a.link or "veth"
    ends = Ends(build, link, a.warm, a.seconds)
    try:
        for number in range(a.rounds):
            for way in a.ways.split(","):
                for client in ends.bulk.turns(a.clients.split(","), number):
                    mb, cpu = ends.rate(client, way)
                    print(json.dumps({"link": link, "client": client, "way": way, "MB/s": round(mb, 2), "CPU s/GB": round(cpu, 2),
                                      "load": os.getloadavg()[0]}), flush=True)
    finally:
        ends.close()


if __name__ == "__main__":
    main()
