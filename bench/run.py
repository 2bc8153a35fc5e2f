#!/usr/bin/python3
"""`make bench`: measures what README and docs/BENCHMARKS.md say, and writes the latter.

    make bench                      everything (under 4 hours), writes docs/BENCHMARKS.md, docs/bench-echo.svg, README's table
    make bench CASES=quick          the same with fewer keys and rounds, under 30 minutes
    make bench CASES=loss,ctrlc     these cases only; printed, nothing is written

    bench/run.py [--cases LIST] [--update] [--build DIR] [--print] [--list] [--raw FILE] [--from FILE]

The link of two namespaces is tools/linklab, the typist is tools/keylat (tools/README.md). Results go to --raw as they
come, one JSON line each; --from makes the page of such a file again. --update puts what these cases gave in the place of
what docs/BENCHMARKS.md has of them, with a remark: for a part that changed since the last full run. What cannot run is
listed with its reason.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bulk
import forward
import cases
import lab
import local
import page
import plot
import process
import readme
import scroll
import streams

ROOT = Path(__file__).resolve().parent.parent
PAGE, README = ROOT / "docs" / "BENCHMARKS.md", ROOT / "README.md"
LOCAL = {"engine": "engine throughput", "process": "engine throughput as a process, on a pty", "frames": "frame costs",
         "scroll": "bytes to the terminal; the screen while history flows", "memory": "memory of tern --local",
         "bulk": "pipes through commands beside ssh, keys beside them, memory of channels",
         "forward": "one connection through a forward beside ssh, keys in its session"}
IDLE_SECONDS = {True: 130, False: 300}  # quick, else
TARGETS = ["tern", "tern-server", "tools/linklab", "tools/keydrv", "tools/labticker", "bench/bench_engine",
           "bench/bench_vterm", "bench/bench_diff", "tools/channels"]


def make_build(build):
    """A release build with the tools; tests are not compiled with it."""
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(build), str(ROOT), "-Dfuzz=false"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["meson", "configure", str(build), "-Dbench=true", "-Dtests=true"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), *TARGETS], check=True)


def run_local(chosen, build, rounds, raw):
    """[(title, method, lines)]"""
    tables = []

    def add(title, method, got):
        lines, worst = got
        if worst:
            lines += ["", "Outside the budget: " + "; ".join(worst) + "."]
        tables.append((title, method, lines))
        raw.write(json.dumps({"table": tables[-1]}) + "\n")
        raw.flush()

    if "engine" in chosen:
        print("engine", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            streams.write(folder)
            add("Engine", "Bytes of a program through the engine, 16 kB at a time, passes of at most a second of processor "
                f"time. History on: up to {local.HISTORY >> 20} MiB of lines are kept. libvterm keeps none; its screen layer "
                "with merged scrolling damage. Streams: `bench/streams.py`, lines of at most 80 columns.",
                local.engine_table(build, folder, rounds))
    if "process" in chosen:
        print("process", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            streams.write(folder)
            add("Engine as a process", "`cat` of 16 MB in a session of 80x24 whose client reads as fast as it can: the rate that "
                "cat sees, and what the server's process spent. tern by `--local`, mosh over loopback, tmux attached. "
                "tern keeps 16 MiB of history, tmux 2,000 lines, mosh none.", process.table(build, folder, rounds))
    if "frames" in chosen:
        print("frames", flush=True)
        add("Frames", "Snapshot, difference to the last snapshot, dropping that one. *native* is what two terns "
            "speak, *stock* what mosh understands. A screen full of text; the bytes are what is sent before compression.",
            local.frame_table(build, rounds))
    if "scroll" in chosen:
        print("scroll", flush=True)
        add("Bytes to the terminal", f"A program in a session of 80x24 whose screen is full prints when a line is typed; bytes that the "
            f"user's terminal gets for it, median of {scroll.UPDATES} each. tern feeds the terminal's scrollback, mosh and tmux do not.",
            scroll.frame_table(build, rounds))
        add("The screen while the history flows", f"Keys echoed by the far side over {', '.join(scroll.LINK)}, while lines that left "
            "the screen come behind it with `--history-lines=all`.", scroll.delay_table(build, rounds))
    if "memory" in chosen:
        print("memory", flush=True)
        add("Memory without ssh", "`tern --local` at 80x24 running `/bin/sh`, after 20 typed commands, when nothing moves: "
            "Private_Dirty of `/proc/PID/smaps_rollup`.", local.memory_table(build, rounds))
    if "bulk" in chosen:
        print("bulk", flush=True)
        add("Pipes", "`tern host 'cat /dev/zero'` read here, and what a `wc -c` there counted, each after a warm-up; clients by turns on "
            "one link. ssh with the cipher of its own choice and with aes128-gcm; TCP is cubic. CPU: of ssh and sshd, or tern and "
            "tern-server, both ends together, in the seconds that count.", bulk.rate_table(build, rounds))
        add("Keys beside a pipe", f"{bulk.KEYS} keys a round in a session with a terminal over {bulk.TYPING_LINK}, while another "
            "process's pipe brings as much as it can the same way as the echo.", bulk.typing_table(build, rounds))
        add("Memory of a channel", f"Private_Dirty of client and tern-server with {bulk.CHANNELS + 1:,} idle commands on one link "
            f"(tools/channels) less that with one, by {bulk.CHANNELS:,}.", bulk.memory_table(build, rounds))
    if "forward" in chosen:
        print("forward", flush=True)
        add("Forwards", "One TCP connection through `-L`, with programs at both ends that pour and count zeros; clients by turns on one link, "
            "as above.", forward.table(build, rounds))
    return tables


# ---- the page ----


def machine():
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    total = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return (f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} processors, "
            f"{int(total[1]) / 1048576:.0f} GiB; Linux {platform.release()}")


def versions():
    rows = [local.output(["gcc", "--version"]).splitlines()[0]]
    for package in ("libvterm0", "libuv1", "libssl3", "openssh-client", "openssh-server", "mosh", "vim", "bash"):
        if shutil.which("dpkg-query"):
            got = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}", package], capture_output=True, text=True)
            rows += [got.stdout] if got.returncode == 0 else []
    def git(*words):
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout.strip()

    commit = git("describe", "--always", "--exclude=*")
    # The page itself may have been written by the run before.
    changed = git("status", "--porcelain", "-uno", "--", ".", ":!docs", ":!README.md")
    return "; ".join([f"tern at {commit or 'no commit'}{'-dirty' if changed else ''}", *rows])


def head(notes):
    return ["# Benchmarks", "",
            "Written by `make bench`; do not edit. Everything is measured on one machine in one run, rivals by turns with us. "
            "What each case does is in [bench/cases.py](../bench/cases.py), how the typist measures in "
            "[tools/README.md](../tools/README.md).", "",
            *(f"* {n}" for n in notes), ""]


def budget_lines(results, part):
    rows = [r for r in page.budget_rows(results) if not part or r[2:5] != ["-"] * 3]
    return [page.BUDGETS, "",
            "The budgets are those of the design document. The mosh column is with prediction off, except where the row is "
            "about prediction or about coming back.", "",
            *page.table(["what", "budget", "tern", "ssh", "mosh", "verdict"], rows), "",
            "ssh and mosh here beside what was measured earlier on a machine of this kind, by which the budgets were set "
            "(within 15 % or 1 ms; under loss within a factor of 1.5):", "",
            *page.table(["case", "client", "what", "here", "earlier", "reproduced"], page.reference_rows(results)), ""]


SECTIONS = [
    ("ctrlc", "Ctrl-C in a flood", "`yes` in bash for 3 s, then Ctrl-C: until the prompt stands that then stays for 0.5 s. The "
     "client's output is read as fast as an emulator (libvterm) takes it.", page.ctrlc_table),
    ("bulk", "`cat` of 20 MB", "Lines of words; time from Enter until the end mark is in the client's output, which is read and "
     "dropped. Wire: all IP bytes, both ways, until then. CPU: time on a processor of the client's processes (ssh's and "
     "ours) and of the server's, without shell and cat.", page.bulk_table),
    ("idle", "Idle", None, page.idle_table),
    ("startup", "Start-up", "From starting the client to the far program's first picture. ssh has no master; its connection is "
     "made anew.", page.startup_table),
    ("recover", "Coming back", "A far program draws its clock every 50 ms; 50 ms RTT. Counted from when the link is up (or "
     "changed) to the first picture drawn after that, younger than 0.4 s, with all typed keys in it. ssh comes back after an "
     "outage when TCP does, and never from a new address or NAT port: that run ends with its first try.",
     page.recover_table),
]


def echo_lines(chosen, results, plotted):
    typed = [c for c in chosen if c.kind == "typing" and c.name in results.results]
    if not typed:
        return []
    out = ["## Echo of a key", "",
           "A seeded typist (8 keys a second within a phrase, slips, pauses) in an 80x24 terminal; a key counts as shown when the "
           "terminal shows what it shows on a local pty, or something later. Programs: cat in raw mode, bash with readline, vim "
           "in insert mode with some command mode. Wrong pictures are those that stood 10 ms and were never the program's. A "
           "perfect guesser guesses what all line editors do alike and waits for the answer to every other key. TCP is cubic "
           "unless a row says bbr. Loss and download begin when the prompt stands.", ""]
    if plotted:
        out += [f"![Distributions of the echo of a key]({plotted})", ""]
    for case in typed:
        out += [f"### {case.title}", "", *page.typing_table(results, case), ""]
    return out


def lab_lines(chosen, results, idle_seconds, plotted=None):
    out = echo_lines(chosen, results, plotted)
    for kind, title, method, make in SECTIONS:
        group = [c for c in chosen if c.kind == kind and c.name in results.results]
        if not group:
            continue
        if kind == "idle":
            method = (f"Nobody types and nothing is printed for {idle_seconds} s, extrapolated to an hour; bash at its prompt, "
                      "50 ms RTT. Counting begins 65 s after the prompt: in the minute after something was typed or printed "
                      "tern's heartbeats are every 3 s (40 packets), later every 25 s.")
        out += [f"## {title}", "", method, "", *make(results, group), ""]
    lan = [c for c in chosen if c.name == "lan" and "lan" in results.results]
    if lan:
        out += ["## Memory and processor time of both ends", "",
                "After typing on the link without delay. tern's ssh is the private master of the login; sshd is the one of the "
                "session.", "", *page.memory_table(results, lan[0]), ""]
    return out


def absent_lines(absent):
    return ["## Not measured", "", *page.table(["what", "why"], [list(a) for a in absent]), ""] if absent else []


def panels(chosen, results):
    return [(c.title, [(n, results.keys(c.name, n), results.never(c.name, n)) for n in c.clients
                       if results.keys(c.name, n)])
            for c in chosen if c.kind == "typing" and c.name in results.results]


# ---- what is asked for ----


def choose(text):
    """(names of the local cases, lab cases, quick)"""
    words = [w for w in (text or "").replace(",", " ").split()]
    quick = "quick" in words
    words = [w for w in words if w not in ("quick", "all")]
    every = cases.quicken(cases.all_cases()) if quick else cases.all_cases()
    unknown = [w for w in words if w not in LOCAL and w not in [c.name for c in every]]
    if unknown:
        sys.exit(f"bench: no case {', '.join(unknown)}; there are {', '.join([*LOCAL, *(c.name for c in every)])}")
    return ([n for n in LOCAL if not words or n in words], [c for c in every if not words or c.name in words], quick,
            bool(words))


def load(path):
    """What --raw kept: (results of the link's cases, failures, tables of the others, facts of the first run). A later line
    replaces an earlier one for the same."""
    runs, tables, facts = {}, {}, None
    for line in Path(path).read_text().splitlines():
        r = json.loads(line)
        if "facts" in r:
            facts = facts or r["facts"]
        elif "table" in r:
            tables[r["table"][0]] = r["table"]
        else:
            runs[r["case"], r["client"], r["program"], r["round"]] = r["result"]
    got, failed = {}, []
    for (case, client, program, number), result in runs.items():
        if "error" in result:
            failed.append((f"{case}, {client}, {program}, round {number + 1}", result["error"]))
        else:
            got.setdefault(case, []).append((client, program, number, result))
    return got, failed, list(tables.values()), facts


def run_lab(chosen, build, side_by_side, idle_seconds, absent, raw):
    """Results by case; adds what could not run to `absent`."""
    why = lab.why_not()
    if why:
        print(f"bench: no link: {why}", flush=True)
        absent += [(f"{c.name} ({c.kind}, {c.title})", why) for c in chosen]
        return {}
    available, missing = cases.clients_here(build)
    absent += [(cases.TITLES[c], reason) for c, reason in missing.items()]
    os.environ.setdefault("KEYLAT_WORK", str(build / "bench" / "keylat"))
    os.makedirs(os.environ["KEYLAT_WORK"], exist_ok=True)
    runner = lab.Runner(build, side_by_side, idle_seconds, raw)
    runner.run(chosen, available)
    absent += runner.failures
    return runner.results


def taken(facts, args):
    """When and with what."""
    day, load_now = facts[0].split("; ")[0], facts[0].rsplit("; ")[-1]
    return "; ".join([f"{day}, {facts[1].split(';')[0]}, {load_now}", *args.note])


def write_page(text):
    PAGE.write_text(text)
    README.write_text(readme.updated(README.read_text(), text))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=os.environ.get("CASES", ""), help="names, or quick; see --list")
    parser.add_argument("--rounds", type=int, help="of the cases without a network")
    parser.add_argument("--update", action="store_true", help="put what the cases gave into docs/BENCHMARKS.md")
    parser.add_argument("--build", help="use this build directory as it is")
    parser.add_argument("--print", action="store_true", help="to the standard output instead of docs/")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--side-by-side", type=int, default=3 * (os.cpu_count() or 1), help="cases at a time")
    parser.add_argument("--raw", help="keep the results here (default: bench/results.jsonl of the build directory)")
    parser.add_argument("--from", dest="given", help="no run: the page of such a file")
    parser.add_argument("--note", action="append", default=[], help="a remark for the page's head")
    return parser.parse_args()


def main():
    args = parse_arguments()
    local_names, chosen, quick, part = choose(args.cases)
    if args.list:
        for name, title in [*LOCAL.items(), *((c.name, f"{c.kind}: {c.title}") for c in chosen)]:
            print(f"{name:16} {title}")
        return
    build = Path(args.build or ROOT / "build").resolve()
    if not args.build and not args.given:
        make_build(build)
    began, absent = time.monotonic(), []
    facts = [f"{datetime.date.today()}; {machine()}; load {os.getloadavg()[0]:.1f} before the run",
             f"{versions()}; release build (`make`)"]
    rounds = args.rounds or (2 if quick else 5)
    if args.given:
        got, failed, tables, kept = load(args.given)
        facts = kept or ["kept results of an unknown day"]
        absent += failed + ([(cases.TITLES[c], why) for c, why in cases.clients_here(build)[1].items()] if not part else [])
    else:
        with open(args.raw or build / "bench" / "results.jsonl", "w") as raw:
            raw.write(json.dumps({"facts": facts}) + "\n")
            got = run_lab(chosen, build, args.side_by_side, IDLE_SECONDS[quick], absent, raw) if chosen else {}
            tables = run_local(local_names, build, rounds, raw)
    results = page.Results(got)
    minutes = f" of {(time.monotonic() - began) / 60:.0f} minutes"
    notes = [*facts, f"{'quick' if quick else 'full'} run{'' if args.given else minutes}; cases that need the processor alone, "
             f"the others {args.side_by_side} side by side", *args.note,
             "figures are medians with (lowest-highest); rounds: " + str(rounds) + " without a network, else " +
             ", ".join(f"{c.name} {c.rounds}" for c in chosen)]
    drawn = panels(chosen, results)
    to_docs = not args.print and not part
    out = head(notes)
    if got:
        out += budget_lines(results, part)
    out += lab_lines(chosen, results, IDLE_SECONDS[quick], "bench-echo.svg" if drawn and to_docs else None)
    for title, method, lines in tables:
        out += [f"## {title}", "", method, "", *lines, ""]
    out += absent_lines(absent)
    text = "\n".join(out).rstrip() + "\n"
    if args.update and part:
        names = [*local_names, *(c.name for c in chosen)]
        write_page(page.updated(PAGE.read_text(), text, page.budget_rows(results), names, taken(facts, args)))
        print("updated: docs/BENCHMARKS.md, README.md")
        return
    if not to_docs:
        sys.stdout.write(text)
        return
    write_page(text)
    if drawn:
        (ROOT / "docs" / "bench-echo.svg").write_text(plot.draw(drawn, cases.TITLES))
    print("written: docs/BENCHMARKS.md, README.md" + (", docs/bench-echo.svg" if drawn else ""))


if __name__ == "__main__":
    main()
