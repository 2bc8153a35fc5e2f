#!/usr/bin/python3
"""Pipes through commands: `tern host cat` beside `ssh host cat`, for the bench and by hand.

    bench/bulk.py --build DIR [--link veth|SETTINGS] [--clients LIST] [--streams 1,8] [--ways down,up] [--seconds N] [--rounds N]
    bench/bulk.py --build DIR --echo [--link SETTINGS] [--rounds N]    keys in a session while another command fills the link
    bench/bulk.py --build DIR --memory [--rounds N]                    memory of idle channels

Every row of one call is taken in one run of one pair of namespaces, the clients by turns. Down: the bytes that come out of the
client; up: what a `wc -c` on the far side counted. CPU is that of ssh and sshd, or tern and tern-server, of both ends, in the
same seconds.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import select
import shlex
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

import process
from local import Terminal, echo_times, memory_of, middle, processes

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = {
    "ssh": "ssh -F {cfg}",
    "ssh-gcm": "ssh -F {cfg} -c aes128-gcm@openssh.com",
    "tern": "{build}/tern --predict=never -F {cfg} --server={build}/tern-server",
}
MEASURED = {"ssh", "sshd", "tern", "tern-server"}
CHUNK = bytes(1 << 17)
PATIENCE = 90  # seconds for logins

# (link, title, seconds of warm-up, seconds that count, rounds for each of the bench's)
LINKS = [("veth", "no delay (veth)", 2, 5, 1),
         ("rtt=100,loss=0.01,rate=100mbit", "100 ms, 1 % lost each way, 100 Mbit/s", 4, 10, 0.6)]
RATE_HEAD = ("| link | way | streams | ssh, MB/s | ssh aes128-gcm, MB/s | tern, MB/s | tern / ssh | tern / gcm | "
             "CPU s/GB: ssh | gcm | tern |", "|" + "---|" * 11)
STREAMS = (1, 8)
WAYS = ("down", "up")
TYPING_LINK = "rtt=20,rate=20mbit,queue=200ms"
# (who types, what fills the link)
TYPING = [("ssh", None), ("ssh", "ssh"), ("tern", None), ("tern", "tern"), ("tern", "ssh")]
KEYS = 40
CHANNELS = 1000


def load_keylat(build):
    os.environ["TERN_BUILD"] = str(build)
    os.environ.setdefault("KEYLAT_WORK", str(build / "bench" / "keylat"))
    os.makedirs(os.environ["KEYLAT_WORK"], exist_ok=True)
    loader = importlib.machinery.SourceFileLoader("keylat", str(ROOT / "tools" / "keylat" / "keylat"))
    spec = importlib.util.spec_from_loader("keylat", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Bed:
    """A link with an sshd, and the words of each client on it."""

    def __init__(self, build, link):
        keylat = load_keylat(build)
        name = f"bulk{os.getpid() % 10000}"
        self.lab = keylat.Veth(name, "cubic") if link == "veth" else keylat.Lab(name, link.split(","), "cubic", 1)
        cfg = os.path.join(keylat.WORK, "ssh", "config")
        self.words = {c: shlex.split(text.format(cfg=cfg, build=build)) for c, text in CLIENTS.items()}

    def command(self, client, *words):
        return [*self.lab.enter(self.lab.client), *self.words[client], *words]

    def start(self, client, command, feed):
        return subprocess.Popen(self.command(client, "lab", command), stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def cpu(self):
        """{id: seconds on a processor} of the measured programs at both ends."""
        spent = {}
        for namespace in (self.lab.client, self.lab.server):
            for pid in self.lab.pids(namespace):
                try:
                    if Path(f"/proc/{pid}/comm").read_text().strip() in MEASURED:
                        spent[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
                except OSError:
                    pass
        return spent

    def close(self):
        self.lab.close()


def spent_since(bed, before):
    return sum(s - before.get(pid, 0) for pid, s in bed.cpu().items())


def end(running):
    for p in running:
        p.kill()
    for p in running:
        p.wait()
        p.stdout.close()


# ---- rates ----


def read_for(pipes, seconds):
    """Bytes that come out of the pipes in so many seconds."""
    poll, n = select.poll(), 0
    for p in pipes:
        poll.register(p.stdout, select.POLLIN)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            piece = os.read(fd, 1 << 18)
            if not piece:
                raise RuntimeError("a command ended too early")
            n += len(piece)
    return n


def wait_all(pipes):
    """Until something came out of each."""
    until = time.monotonic() + PATIENCE
    for p in pipes:
        if not select.select([p.stdout], [], [], max(0, until - time.monotonic()))[0]:
            raise RuntimeError("a command did not begin")


def pull(bed, client, streams, warm, seconds):
    running = [bed.start(client, "exec cat /dev/zero", False) for _ in range(streams)]
    try:
        wait_all(running)
        read_for(running, warm)
        before, began = bed.cpu(), time.monotonic()
        n = read_for(running, seconds)
        return n / (time.monotonic() - began), spent_since(bed, before) / n * 1e9
    finally:
        end(running)


def fill(p):
    try:
        while True:
            os.write(p.stdin.fileno(), CHUNK)
    except OSError:
        pass


def line_of(p):
    if not select.select([p.stdout], [], [], PATIENCE)[0]:
        raise RuntimeError("a command did not answer")
    return os.read(p.stdout.fileno(), 100)


def push(bed, client, streams, warm, seconds):
    command = f"timeout {warm} cat >/dev/null; echo; timeout {seconds} cat | wc -c; sleep 30"
    running = [bed.start(client, command, True) for _ in range(streams)]
    writers = [threading.Thread(target=fill, args=(p,)) for p in running]
    try:
        for t in writers:
            t.start()
        for p in running:
            line_of(p)
        before = bed.cpu()
        n = sum(int(line_of(p)) for p in running)
        return n / seconds, spent_since(bed, before) / n * 1e9
    finally:
        end(running)
        for t in writers:
            t.join()
        for p in running:
            p.stdin.close()


def rate(bed, client, way, streams, warm, seconds):
    """(MB/s of all streams, CPU seconds for each GB); RuntimeError if it does not work."""
    per_s, cpu = (pull if way == "down" else push)(bed, client, streams, warm, seconds)
    return per_s / 1e6, cpu


def turns(names, number):
    """Each round begins with another client."""
    at = number % len(names)
    return [*names[at:], *names[:at]]


def rates(bed, clients, ways, streams, warm, seconds, rounds, keep):
    """keep(client, way, streams, (MB/s, CPU s/GB)) for each run."""
    for number in range(rounds):
        for n in streams:
            for way in ways:
                for client in turns(clients, number):
                    try:
                        keep(client, way, n, rate(bed, client, way, n, warm, seconds))
                    except RuntimeError as e:
                        print(f"  {client}, {way}, {n} streams: {e}", flush=True)


def rate_rows(link, title, got, one="one pipe"):
    """The table's lines of one link, and what of them is over its budget; got[way, streams][client] = [(MB/s, CPU s/GB)]."""
    lines, worst = [], []
    digits, least, over = (0, 0.9, "ssh-gcm") if link == "veth" else (2, 10, "ssh")
    for (way, n), runs in got.items():
        if len(runs) < len(CLIENTS):
            worst.append(f"{title}, {way}, {n}: not all clients worked")
            continue
        mb = {c: [r[0] for r in runs[c]] for c in CLIENTS}
        cpu = {c: middle([r[1] for r in runs[c]], 1) for c in CLIENTS}
        ratio = {c: statistics.median(mb["tern"]) / statistics.median(mb[c]) for c in ("ssh", "ssh-gcm")}
        lines.append(f"| {title} | {way} | {n} | " + " | ".join(middle(mb[c], digits) for c in CLIENTS) +
                     f" | {ratio['ssh']:.2f} | {ratio['ssh-gcm']:.2f} | " + " | ".join(cpu[c] for c in CLIENTS) + " |")
        if n == 1 and ratio[over] < least:
            worst.append(f"{one} {way}, {title}: {ratio[over]:.2f} of {over}'s rate, budget {least}")
    return lines, worst


def rate_table(build, rounds):
    """The table's lines, and what is over its budget."""
    lines, worst = list(RATE_HEAD), []
    for link, title, warm, seconds, share in LINKS:
        got, bed = {}, Bed(build, link)

        def keep(client, way, n, result):
            got.setdefault((way, n), {}).setdefault(client, []).append(result)
            print(f"  {time.strftime('%H:%M:%S')} {title}, {client}, {way}, {n}: {result[0]:.2f} MB/s, {result[1]:.2f} s/GB",
                  flush=True)

        try:
            rates(bed, list(CLIENTS), WAYS, STREAMS, warm, seconds, max(2, round(rounds * share)), keep)
        finally:
            bed.close()
        more, over = rate_rows(link, title, got)
        lines += more
        worst += over
    return lines, worst


# ---- keys beside a pipe ----


def typed(bed, typist, filler):
    """(times of the echo in ms, MB/s of the pipe beside them) of one session."""
    beside, counted, over = None, [], threading.Event()

    def drain():
        while not over.is_set() and (piece := os.read(beside.stdout.fileno(), 1 << 18)):
            counted.append(len(piece))

    t = Terminal(bed.command(typist, "-tt", "lab", "stty raw -echo; echo up; exec cat"), process.environment())
    try:
        until = time.monotonic() + PATIENCE
        while b"up" not in t.seen:
            if time.monotonic() > until or t.ended():
                raise RuntimeError("no session to type in")
            t.read(0.5)
        t.settle(1)
        if filler:
            beside = bed.start(filler, "exec cat /dev/zero", False)
            wait_all([beside])
            reader = threading.Thread(target=drain)
            reader.start()
            time.sleep(5)
        counted.clear()
        began = time.monotonic()
        times = echo_times(t, 0, KEYS)
        mb = sum(counted) / (time.monotonic() - began) / 1e6
        if filler:
            over.set()
            beside.kill()
            reader.join()
        return times, mb
    finally:
        if beside:
            end([beside])
        t.type(b"\r~.")
        until = time.monotonic() + 5
        while not t.ended() and time.monotonic() < until:
            t.read(0.05)
        if not t.ended():
            os.kill(t.pid, signal.SIGTERM)
        os.close(t.fd)


def typing_runs(build, link, rounds, pairs):
    """{(typist, filler): [(times, MB/s)]}"""
    got, bed = {}, Bed(build, link)
    try:
        for number in range(rounds):
            for pair in turns(pairs, number):
                try:
                    got.setdefault(pair, []).append(typed(bed, *pair))
                except RuntimeError as e:
                    print(f"  {pair}: {e}", flush=True)
    finally:
        bed.close()
    return got


def typing_table(build, rounds):
    got = typing_runs(build, TYPING_LINK, rounds, TYPING)
    lines = ["| keys in a session of | a pipe of | echo, ms: median (of the rounds) | p90 | longest | pipe, Mbit/s |", "|" + "---|" * 6]
    medians, worst = {}, []
    for (typist, filler), runs in got.items():
        times = sorted(x for r in runs for x in r[0])
        rounds_ = [statistics.median(r[0]) for r in runs]
        medians[typist, filler] = statistics.median(times)
        lines.append(f"| {typist} | {filler or 'nobody'} | {medians[typist, filler]:.0f} ({min(rounds_):.0f}-{max(rounds_):.0f}) | "
                     f"{times[len(times) * 9 // 10]:.0f} | {times[-1]:.0f} | "
                     f"{middle([r[1] * 8 for r in runs], 1) if filler else '-'} |")
    idle, busy = medians.get(("tern", None)), medians.get(("tern", "tern"))
    if not idle or not busy:
        worst.append("keys beside a pipe: not measured")
    elif busy > 1.5 * idle + 10:
        worst.append(f"keys beside a pipe of another tern: {busy:.0f} ms, budget {1.5 * idle + 10:.0f}")
    return lines, worst


# ---- memory ----


def channels_once(build, count):
    """(KiB of Private_Dirty of the client, of the server) with so many idle channels open."""
    before = processes(build, "tern-server")
    p = subprocess.Popen([str(build / "tools" / "channels"), str(count), "echo up; exec cat", str(build / "tern-server")],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for word in (b"ready\n", b"asked\n"):
            if p.stdout.readline() != word:
                raise RuntimeError(f"{count} channels: {p.stderr.read(200)}")
            if word == b"ready\n":
                p.stdin.write(b"a line\n")
                p.stdin.flush()
        time.sleep(3)
        [server] = processes(build, "tern-server") - before
        return memory_of(p.pid) * 1024, memory_of(server) * 1024
    finally:
        p.stdin.close()
        try:
            p.wait(30)
        except subprocess.TimeoutExpired:
            p.kill()


def memory_runs(build, rounds):
    """[(KiB of each channel at the client, at the server)]"""
    out = []
    for _ in range(rounds):
        one, many = channels_once(build, 1), channels_once(build, CHANNELS + 1)
        out.append(tuple((b - a) / CHANNELS for a, b in zip(one, many)))
    return out


def memory_table(build, rounds):
    got = memory_runs(build, rounds)
    lines = ["| end | KiB for each channel |", "|---|---|", f"| client | {middle([g[0] for g in got], 2)} |",
             f"| server, without the command's own process | {middle([g[1] for g in got], 2)} |"]
    return lines, []


# ---- by hand ----


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True, type=Path)
    p.add_argument("--link")
    p.add_argument("--clients", default=",".join(CLIENTS))
    p.add_argument("--streams", default="1,8")
    p.add_argument("--ways", default="down,up")
    p.add_argument("--warm", type=float, default=2)
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--echo", action="store_true")
    p.add_argument("--memory", action="store_true")
    args = p.parse_args()
    args.build = args.build.resolve()
    return args


def main():
    args = arguments()

    def say(**what):
        print(json.dumps({**what, "load": os.getloadavg()[0]}), flush=True)

    if args.memory:
        for client, server in memory_runs(args.build, args.rounds):
            say(client_KiB=round(client, 2), server_KiB=round(server, 2))
        return
    if args.echo:
        chosen = [pair for pair in TYPING if all(c is None or c in args.clients.split(",") for c in pair)]
        for (typist, filler), runs in typing_runs(args.build, args.link or TYPING_LINK, args.rounds, chosen).items():
            times = sorted(x for r in runs for x in r[0])
            say(typist=typist, filler=filler, median=round(statistics.median(times), 1), p90=round(times[len(times) * 9 // 10], 1),
                pipe_mbit=round(statistics.mean(r[1] for r in runs) * 8, 2))
        return
    link = args.link or "veth"
    bed = Bed(args.build, link)
    try:
        rates(bed, args.clients.split(","), args.ways.split(","), list(map(int, args.streams.split(","))), args.warm, args.seconds,
              args.rounds, lambda client, way, n, result: say(
                  link=link, client=client, streams=n, way=way, **{"MB/s": round(result[0], 2), "CPU s/GB": round(result[1], 2)}))
    finally:
        bed.close()


if __name__ == "__main__":
    main()
