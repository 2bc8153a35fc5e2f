#!/usr/bin/python3
"""Pipes through commands: `tern host cat` beside `ssh host cat`, for the bench and by hand.

    bench/bulk.py --build DIR [--link veth|SETTINGS] [--clients LIST] [--streams 1,8] [--ways down,up] [--seconds N]
    bench/bulk.py --build DIR --echo [--link SETTINGS]     keys through one session while another command fills the link

Every row of one call is taken in one run of one pair of namespaces, in turn. Down: the bytes that come out of the client in
N seconds; up: what a `wc -c` on the far side counted. CPU is that of ssh and sshd, or tern and tern-server, of both ends.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = {
    "ssh": "ssh -F {cfg}",
    "ssh-gcm": "ssh -F {cfg} -c aes128-gcm@openssh.com",
    "tern": "{build}/tern -F {cfg} --server={build}/tern-server",
}
MEASURED = {"ssh", "sshd", "tern", "tern-server"}
CHUNK = bytes(1 << 17)


def load_keylat(build):
    os.environ["TERN_BUILD"] = str(build)
    loader = importlib.machinery.SourceFileLoader("keylat", str(ROOT / "tools" / "keylat" / "keylat"))
    spec = importlib.util.spec_from_loader("keylat", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class CpuMeter(threading.Thread):
    """Seconds of processor of the measured programs in both namespaces, whether or not they still live at the end."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.ticks, self.over = lab, {}, threading.Event()

    def look(self):
        for namespace in (self.lab.client, self.lab.server):
            for pid in self.lab.pids(namespace):
                try:
                    if Path(f"/proc/{pid}/comm").read_text().strip() in MEASURED:
                        self.ticks[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
                except OSError:
                    pass

    def run(self):
        self.first = dict(self.ticks)
        while not self.over.wait(0.1):
            self.look()

    def seconds(self):
        self.look()
        self.over.set()
        self.join()
        return sum(t - self.first.get(pid, 0) for pid, t in self.ticks.items()) / 1e9


def start(lab, words, command, feed):
    return subprocess.Popen([*lab.enter(lab.client), *words, "lab", command], stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def drain(p, got, seconds):
    """Count what comes, from the first byte on."""
    n, first = 0, None
    while True:
        piece = os.read(p.stdout.fileno(), 1 << 18)
        if not piece:
            break
        first = first or time.monotonic()
        n += len(piece)
        if time.monotonic() - first > seconds:
            break
    got.append((n, time.monotonic() - (first or time.monotonic())))
    p.stdout.close()


def fill(p, seconds):
    until = time.monotonic() + seconds + 60
    try:
        while time.monotonic() < until:
            os.write(p.stdin.fileno(), CHUNK)
    except OSError:
        pass


def bulk(lab, words, way, streams, seconds):
    """(MB/s of all streams, CPU seconds for each GB)"""
    meter, got = CpuMeter(lab), []
    meter.look()
    meter.start()
    command = f"timeout {seconds + 5} cat /dev/zero" if way == "down" else f"timeout {seconds} cat | wc -c"
    running = [start(lab, words, command, way == "up") for _ in range(streams)]
    if way == "down":
        threads = [threading.Thread(target=drain, args=(p, got, seconds)) for p in running]
    else:
        threads = [threading.Thread(target=fill, args=(p, seconds), daemon=True) for p in running]
    for t in threads:
        t.start()
    if way == "down":
        for t in threads:
            t.join()
        cpu = meter.seconds()
    else:
        for p in running:
            text = p.stdout.readline()
            got.append((int(text or 0), seconds))
        cpu = meter.seconds()
    for p in running:
        p.terminate()
        p.wait()
    total = sum(n for n, _ in got)
    took = statistics.mean(t for _, t in got) or 1
    return total / took / 1e6, cpu / (total / 1e9) if total else 0


def echo(lab, args, words):
    """Median and 90th percentile of the echo of keys through a session of its own, idle and while `words` fill the link."""
    result = {}
    for name in ("idle", "filled"):
        filler = None
        if name == "filled":
            filler = start(lab, words, "cat /dev/zero", False)
            threading.Thread(target=drain, args=(filler, [], 3600), daemon=True).start()
            time.sleep(4)
        p = subprocess.Popen([*lab.enter(lab.client), "ssh", "-F", args.cfg, "lab", "exec cat"] if args.typist == "ssh" else
                             [*lab.enter(lab.client), *words, "lab", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        times = []
        for i in range(40):
            at = time.monotonic()
            os.write(p.stdin.fileno(), b"x\n")
            if not os.read(p.stdout.fileno(), 100):
                break
            if i >= 5:
                times.append((time.monotonic() - at) * 1000)
            time.sleep(0.1)
        p.terminate()
        p.wait()
        if filler:
            filler.terminate()
            filler.wait()
        times.sort()
        result[name] = {"median": times[len(times) // 2], "p90": times[len(times) * 9 // 10]}
    return result


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True, type=Path)
    p.add_argument("--link", default="veth")
    p.add_argument("--clients", default="ssh,ssh-gcm,tern")
    p.add_argument("--streams", default="1,8")
    p.add_argument("--ways", default="down,up")
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--echo", action="store_true")
    p.add_argument("--typist", default="tern", choices=("tern", "ssh"))
    args = p.parse_args()
    args.build = args.build.resolve()
    return args


def main():
    args = arguments()
    keylat = load_keylat(args.build)
    name = f"bulk{os.getpid() % 10000}"
    lab = keylat.Veth(name, "cubic") if args.link == "veth" else keylat.Lab(name, args.link.split(","), "cubic", 1)
    args.cfg = os.path.join(keylat.WORK, "ssh", "config")
    words = {c: shlex.split(CLIENTS[c].format(cfg=args.cfg, build=args.build)) for c in args.clients.split(",")}
    try:
        if args.echo:
            for c in words:
                print(json.dumps({"link": args.link, "filled by": c, **echo(lab, args, words[c])}), flush=True)
            return
        for _ in range(args.rounds):
            for streams in map(int, args.streams.split(",")):
                for way in args.ways.split(","):
                    for c in words:
                        mb, cpu = bulk(lab, words[c], way, streams, args.seconds)
                        print(json.dumps({"link": args.link, "client": c, "streams": streams, "way": way, "MB/s": round(mb, 2),
                                          "CPU s/GB": round(cpu, 2), "load": os.getloadavg()[0]}), flush=True)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
