"""The cases of `make bench` that need the link: what is run, with which clients, how often.

A case is one table row (or several: one for each program). Its clients are run by turns: every client once, then
the next round, so that a change of the machine's mood hits all alike.
"""
import shutil
from dataclasses import dataclass, field

PROGRAMS = ["echo", "bash", "vim"]
PROGRAM_TITLES = {"echo": "cat", "bash": "bash", "vim": "vim"}
TYPING = ["ssh", "mosh-never", "mosh-adaptive", "tern", "tern-adaptive", "tssh"]
PLAIN = ["ssh", "mosh-never", "tern", "tssh"]
TITLES = {"ssh": "ssh", "ssh-bbr": "ssh, bbr", "mosh-never": "mosh, prediction off",
          "mosh-adaptive": "mosh, adaptive prediction", "tern": "tern", "tern-adaptive": "tern, adaptive prediction",
          "tssh": "tssh --udp", "ssh-alive": "ssh, ServerAliveInterval 15"}


@dataclass
class Case:
    name: str
    title: str
    kind: str  # typing, ctrlc, bulk, idle, startup, recover
    options: list  # of tools/keylat/keylat
    clients: list
    programs: list = field(default_factory=lambda: ["bash"])
    rounds: int = 3
    alone: bool = False  # nothing beside it: processor time is part of the result
    keys: int = 300
    only_full: bool = False


@dataclass
class Job:
    case: Case
    client: str
    program: str
    round: int
    seconds: float = 900  # longest


def typing(name, title, link, **more):
    more = {"clients": TYPING, "programs": PROGRAMS, **more}
    extra = more.pop("extra", [])
    return Case(name, title, "typing", ["--mode", "type", "--link", link, *extra], **more)


def ctrlc(name, title, link):
    return Case(name, title, "ctrlc", ["--mode", "ctrlc", "--reps", "4", "--secs", "3", "--timeout", "60", "--link",
                                       link], PLAIN, rounds=1, alone=True)


def recover(name, title, *options, rounds=1, clients=("ssh", "mosh-adaptive", "tern", "tssh")):
    return Case(name, title, "recover", ["--mode", "recover", *options], list(clients), ["ticker"], rounds=rounds)


def all_cases():
    return [
        typing("lan", "no delay (the link is a TUN program)", "rtt=0", alone=True),
        typing("rtt50", "50 ms", "rtt=50"),
        typing("rtt200", "200 ms", "rtt=200"),
        typing("rtt500", "500 ms", "rtt=500"),
        typing("loss", "100 ms, 29 % lost each way", "rtt=100,loss=0.29", clients=TYPING + ["ssh-bbr"], rounds=4,
               extra=["--tail", "240"]),
        typing("download", "50 ms, 1 Mbit/s, 5 s queue, a download beside it", "rtt=50,rate=1mbit,queue=5s",
               extra=["--download", "--settle", "25", "--tail", "120"]),
        ctrlc("ctrlc", "no delay", "rtt=0"),
        ctrlc("ctrlc50", "50 ms", "rtt=50"),
        ctrlc("ctrlc-slow", "50 ms, 1 Mbit/s, 5 s queue", "rtt=50,rate=1mbit,queue=5s"),
        Case("cat", "no delay (veth)", "bulk", ["--mode", "bulk", "--raw", "--timeout", "300", "--link", "veth"], PLAIN,
             alone=True),
        Case("cat-far", "200 ms, 100 Mbit/s", "bulk",
             ["--mode", "bulk", "--raw", "--timeout", "300", "--link", "rtt=200,rate=100mbit,queue=2500000"], PLAIN + ["ssh-bbr"],
             rounds=2, alone=True, only_full=True),
        Case("idle", "50 ms", "idle", ["--mode", "idle", "--settle", "65", "--link", "rtt=50"], PLAIN + ["ssh-alive"], rounds=1),
        Case("startup", "no delay", "startup", ["--mode", "startup", "--link", "rtt=0"], PLAIN, rounds=5, alone=True),
        Case("startup200", "200 ms", "startup", ["--mode", "startup", "--link", "rtt=200"], PLAIN, rounds=5),
        recover("outage5", "5 s outage", "--outage", "5", "--reps", "5", "--timeout", "60", "--link", "rtt=50"),
        recover("outage60", "60 s outage", "--outage", "60", "--reps", "2", "--timeout", "120", "--link", "rtt=50"),
        recover("outage60-typed", "60 s outage, typing into it", "--outage", "60", "--reps", "2", "--timeout", "120",
                "--type-during", "--link", "rtt=50"),
        recover("address", "new address", "--outage", "0", "--reps", "8", "--timeout", "45", "--settle", "3.7",
                "--roam", "addr 10.77.0.", "--link", "rtt=50"),
        recover("natport", "new NAT port", "--outage", "0", "--reps", "5", "--timeout", "45", "--settle", "3.7",
                "--roam", "natport ", "--link", "rtt=50"),
    ]


QUICK = {"lan": (2, 40), "rtt50": (2, 80), "rtt200": (2, 80), "rtt500": (1, 80), "loss": (2, 80),
         "download": (1, 60), "cat": (2, 0), "startup": (3, 0), "startup200": (3, 0)}
QUICK_REPS = {"ctrlc": "3", "recover": {"outage5": "3", "outage60": "1", "outage60-typed": "1", "address": "4",
                                        "natport": "3"}}


def quicken(cases):
    """The same in less time: fewer keys and rounds. Says nothing new, only less surely."""
    out = []
    for case in cases:
        if case.only_full:
            continue
        case.rounds, case.keys = QUICK.get(case.name, (1, case.keys))
        reps = QUICK_REPS.get(case.kind)
        if isinstance(reps, dict):
            reps = reps[case.name]
        if reps:
            case.options[case.options.index("--reps") + 1] = reps
        if "--tail" in case.options:
            case.options[case.options.index("--tail") + 1] = "90"
        out.append(case)
    return out


def jobs(case, available):
    """Interleaved: within a round each program with each client, the first client another each round."""
    for number in range(case.rounds):
        turn = [c for c in case.clients if c in available]
        turn = turn[number % len(turn):] + turn[:number % len(turn)] if turn else []
        for program in case.programs:
            for client in turn:
                yield Job(case, client, program, number)


def command(job, keylat, idle_seconds):
    """Words that run it."""
    case, client, extra = job.case, job.client, []
    if client == "ssh-bbr":
        client, extra = "ssh", ["--cc", "bbr"]
    elif client == "ssh-alive":
        client = "{ssh} -o ServerAliveInterval=15 -tt lab {app}"
    words = [str(keylat), "--json", "--client", client, "--app", job.program, "--seed", str(job.round + 1), *extra,
             *case.options]
    if case.kind == "typing":
        words += ["--keys", str(case.keys)]
    elif case.kind == "idle":
        words += ["--secs", str(idle_seconds)]
    return words


def clients_here(build):
    """({name}, {name: why it is not run}) of the clients."""
    here, why = {"ssh", "ssh-bbr", "ssh-alive"}, {}
    if shutil.which("mosh") and shutil.which("mosh-server"):
        here |= {"mosh-never", "mosh-adaptive"}
    else:
        why |= {"mosh-never": "mosh is not installed", "mosh-adaptive": "mosh is not installed"}
    if shutil.which("tssh") and shutil.which("tsshd"):
        here.add("tssh")
    else:
        why["tssh"] = "tssh and tsshd are not on PATH"
    here |= {"tern", "tern-adaptive"}
    return here, why
