#!/usr/bin/python3
"""Builds and runs tests; `make check`, `make fuzz` and `make soak` are these.

    tests/run.py check              everything, ends with one line "N passed, N failed, N skipped"
    tests/run.py fuzz --seconds N   each fuzz target for N seconds (clang, libFuzzer, ASan, UBSan)
    tests/run.py soak               the long forms of everything: hours. --stage NAME: only that one (may repeat)

Exit status: 0 when nothing failed, else 1.
"""
import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = next((p for p in ("/usr/bin/pytest-3", shutil.which("pytest-3") or "") if os.path.exists(p)), "pytest")
JOBS = str(len(os.sched_getaffinity(0)))

# What each build directory is for. -Werror: a warning is a failed test. Lines of code are all that a report needs
# of debug information, and a fifth of the time of a compiler goes into the rest.
RELEASE, ASAN, CLANG = "build-check", "build-asan", "build-clang"
LINES = ["-Dbuildtype=plain", "-Ddebug=false", "-Doptimization=1", "-Dc_args=-g1", "-Db_sanitize=address,undefined"]
BUILDS = {
    RELEASE: ("gcc", ["-Dbuildtype=release"]),
    ASAN: ("gcc", LINES),
    CLANG: ("clang", [*LINES, "-Db_lundef=false", "-Dlibfuzzer=true"]),
}
# Freed memory is held back from use again long enough for our sizes; the default, 256 MB, is all cache misses.
SANITIZERS = {"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
              "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=32:malloc_context_size=8"}


class Tally:
    """What ran, over all stages."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def ok(self, count=1):
        self.passed += count

    def fail(self, name, text=""):
        self.failed.append(name)
        print(f"FAILED {name}")
        lines = text.rstrip().splitlines()
        if len(lines) > 60:  # what went wrong stands anywhere, what it led to at the end
            bad = [line for line in lines[:-30] if re.search(r"\berror\b|ERROR|FAILED|ssert", line)]
            lines = [*bad[:30], "...", *lines[-30:]]
        print("\n".join("    " + line[:400] for line in lines))

    def skip(self, name, reason):
        self.skipped.append((name, reason))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def close(self):
        for name, reason in self.skipped:
            print(f"skipped: {name}: {reason}")
        for name in self.failed:
            print(f"failed: {name}")
        if not self.passed and not self.failed:
            self.failed.append("nothing ran")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped", flush=True)
        return 1 if self.failed else 0


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Stage:
    """Prints a heading before and the seconds after, and how many of a processor, which do not hang on what else the
    machine does."""

    def __init__(self, title):
        self.title = title

    def __enter__(self):
        print(f"== {self.title}", flush=True)
        self.start, self.cpu = time.monotonic(), cpu_seconds()

    def __exit__(self, *_):
        print(f"   {time.monotonic() - self.start:.1f} s, {cpu_seconds() - self.cpu:.1f} s of CPU", flush=True)


class Running:
    """The commands that run now. Each has a process group of its own, which no Ctrl-C reaches: they are ended here."""

    def __init__(self):
        self.lock, self.children, self.stopped = threading.RLock(), {}, False
        self.starting, self.signal = False, None  # of the main thread, which has the signals

    def start(self, command, **options):
        """None when nothing is to be started any more. No signal interrupts the main thread before it has the child,
        and calls `started` where it can end it."""
        self.starting |= threading.current_thread() is threading.main_thread()
        with self.lock:
            if self.stopped:
                return None
            child = subprocess.Popen(command, start_new_session=True, **options)
            self.children[child.pid] = (child, polite(command))
            return child

    def started(self):
        if threading.current_thread() is threading.main_thread():
            self.starting = False
            if self.signal:
                self.interrupt(self.signal)

    def over(self, child):
        with self.lock:
            del self.children[child.pid]

    def interrupt(self, number, _=None):
        """Signal handler: asks all to end, whoever waits for one sees it end, and raises KeyboardInterrupt. A second
        signal changes nothing: what runs has 20 s."""
        self.signal = number
        if self.starting:  # what is being started would not be among them
            return
        for n in SIGNALS:
            signal.signal(n, signal.SIG_IGN)
        with self.lock:
            self.stopped = True
            for child, polite_signal in self.children.values():
                child.send_signal(polite_signal)
        raise KeyboardInterrupt(signal.Signals(number).name)


SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
RUNNING = Running()


def polite(command):
    """The signal after which this command ends what it started: pytest takes its fixtures down after SIGINT only."""
    return signal.SIGINT if PYTEST in command else signal.SIGTERM


def run(command, limit, env=None):
    """Runs a command in its own process group; (status, output). The group ends with it."""
    if not shutil.which(command[0]):
        return 127, f"{command[0]} is not installed; make deps installs all that tests need\n"
    with tempfile.TemporaryFile() as out:
        child = RUNNING.start(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        if not child:
            return -1, "not started: interrupted\n"
        late = ""
        try:
            RUNNING.started()
            child.wait(limit)
        except subprocess.TimeoutExpired:
            late = f"\nno end after {limit} s\n"
            child.send_signal(polite(command))
        except KeyboardInterrupt:  # it was told
            end(child)
            raise
        finally:
            RUNNING.over(child)
        if late or RUNNING.stopped:
            end(child)
        out.seek(0)
        return (-1 if late else child.returncode), out.read().decode(errors="replace") + late


def end(child):
    """Waits a little for a command that was asked to end, and kills what is left of its group."""
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def complaints(out):
    """What a compiler said, without the lines of progress."""
    return "\n".join(line for line in out.splitlines() if not re.match(r"\[\d+/\d+\] ", line))


def build(tally, name):
    """Configures and builds one directory, without what is never run there; False when that failed."""
    compiler, options = BUILDS[name]
    leave = {RELEASE: ["unit"], ASAN: ["fuzz"], CLANG: ["unit"]}[name]
    options = [*options, "-Dwerror=true", "-Dtests=true",
               *(f"-D{part}={'false' if part in leave else 'true'}" for part in ("unit", "fuzz"))]
    label = f"build {name} ({compiler}, no warnings)"
    if not shutil.which(compiler):
        tally.fail(label, f"{compiler} is not installed; make deps installs all that tests need")
        return False
    if (ROOT / name / "build.ninja").exists():
        command = ["meson", "configure", name, *options]
    else:
        command = ["meson", "setup", name, *options]
    status, out = run(command, 120, {"CC": compiler})
    if status == 0:
        status, out = run(["ninja", "-C", name, "-k", "0"], 600)
        out = complaints(out)
    if status:
        tally.fail(label, out)
        return False
    tally.ok()
    return True


def cmocka_counts(text):
    """(passed, [skipped names]) of the sub-tests in one cmocka program's output."""
    return (len(re.findall(r"^\[       OK \]", text, re.M)),
            re.findall(r"^\[  SKIPPED \] (?!\d)(\S+)", text, re.M))


def meson_tests(tally, name, suites, limit, env=None, extra=(), before=()):
    """Runs the meson suites of a build directory and counts what its log says."""
    known = subprocess.run(["meson", "introspect", name, "--tests"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout
    have = {s.split(":")[-1] for t in json.loads(known) for s in t["suite"]}
    suites = [s for s in suites if s in have]
    if not suites:
        tally.fail(f"{name}: no test in any suite")
        return
    log = ROOT / name / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    status, out = run([*before, "meson", "test", "-C", name, "--no-rebuild", "--num-processes", JOBS,
                       *extra, *[a for s in suites for a in ("--suite", s)]], limit, env)
    failed = len(tally.failed)
    for line in log.read_text().splitlines() if log.exists() else []:
        test = json.loads(line)
        title, result = f"{name}: {test['name'].split(':')[-1].strip()}", test["result"]
        text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        good, skips = cmocka_counts(text)
        for skip in skips:
            tally.skip(f"{title}: {skip}", "skipped by the test program")
        if result in ("OK", "EXPECTEDFAIL"):
            tally.ok(max(1, good) if not skips else good)
        elif result == "SKIP":
            tally.skip(title, (text.strip().splitlines() or ["no reason given"])[-1])
        else:
            tally.ok(good)
            tally.fail(f"{title} ({result})", text)
    if status and len(tally.failed) == failed:
        tally.fail(f"{name}: meson test", out)


class Beside:
    """Simulators while the block runs, at a low priority: sessions mostly wait, and what waits takes no
    processor from those who have nothing to wait for. At the end of the block the rest is waited for."""

    def __init__(self, tally, work):
        self.tally, self.own, self.work = tally, Tally(), work

    def __enter__(self):
        self.pool = ThreadPoolExecutor(1)
        self.job = self.pool.submit(self.timed)

    def timed(self):
        start = time.monotonic()
        self.work(self.own)
        return time.monotonic() - start

    def __exit__(self, *_):
        start = time.monotonic()
        seconds = self.job.result()
        self.pool.shutdown()
        self.tally.add(self.own)
        print(f"   beside it: {seconds:.1f} s, the last {time.monotonic() - start:.1f} s of them alone")


def junit_cases(junit):
    """[(title, outcome, text)] of a junit file; outcome is passed, failed or skipped."""
    found = []
    for case in ElementTree.parse(junit).getroot().iter("testcase") if junit.exists() else []:
        title = f"{case.get('classname', '').replace('.', '/')}::{case.get('name')}"
        bad = next((c for c in case if c.tag in ("failure", "error")), None)
        skip = next((c for c in case if c.tag == "skipped"), None)
        if bad is not None:
            found.append((title, "failed", (bad.text or "") or bad.get("message", "")))
        elif skip is not None:
            found.append((title, "skipped", skip.get("message", "no reason given")))
        else:
            found.append((title, "passed", ""))
    return found


# Tests of whole sessions wait for conditions with a limit, and this machine may be busy with others: so many
# failures are tried once more, alone, before they count. What passed only then is named.
SECOND_CHANCES = 8


def pytests(tally, paths, limit, env, workers=1):
    """Runs pytest over the folders that have tests and counts its junit file."""
    paths = [p for p in paths if list((ROOT / p).glob("**/test_*.py"))]
    if not paths:
        return
    with tempfile.TemporaryDirectory() as scratch:
        junit, again = Path(scratch) / "junit.xml", Path(scratch) / "again.xml"
        command = [PYTEST, "-q", "-o", f"cache_dir={scratch}/cache", "--tb=short", "--durations=8", *paths]
        env = {"PYTHONDONTWRITEBYTECODE": "1", **env}
        alone = [*command, f"--junitxml={again}", "--last-failed", "--last-failed-no-failures", "none"]
        if workers > 1:
            command += ["-n", str(workers), "--dist", "worksteal" if has_worksteal() else "load"]
        status, out = run([*command, f"--junitxml={junit}"], limit, env)
        cases = junit_cases(junit)
        failed = [title for title, outcome, _ in cases if outcome == "failed"]
        second = {}
        if failed and len(failed) <= SECOND_CHANCES:
            run(alone, limit, env)
            second = {title: outcome for title, outcome, _ in junit_cases(again)}
        before = len(tally.failed)
        for title, outcome, text in cases:
            if outcome == "skipped":
                tally.skip(title, text)
            elif outcome == "passed":
                tally.ok()
            elif second.get(title) == "passed":
                tally.ok()
                status = 0
                why = re.findall(r"^E +(.*)", text, re.M)[:1] or [text.strip()[-200:]]
                print(f"   passed only when run again, alone: {title}: {why[0][:200]}", flush=True)
            else:
                tally.fail(title, text)
        if (status and len(tally.failed) == before) or not cases:
            tally.fail(f"pytest {' '.join(paths)}", out)
        slow = re.search(r"= slowest.*?=\n(.*?)\n(?:=|\()", out, re.S)
        if slow and slow.group(1).strip():
            print("   slowest: " + "; ".join(" ".join(s.split()) for s in slow.group(1).splitlines()[:3]))


def has_worksteal():
    out = subprocess.run([PYTEST, "--help"], capture_output=True, text=True, cwd="/").stdout
    return "worksteal" in out


def fuzz_targets():
    return sorted(p.stem[len("fuzz_"):] for p in (ROOT / "fuzz").glob("fuzz_*.c")
                  if (ROOT / CLANG / "fuzz" / p.stem).exists())


def fuzz_one(target, seconds):
    """One libFuzzer run; (target, status, output). Finds go to fuzz/findings."""
    findings = ROOT / "fuzz" / "findings"
    grown = ROOT / CLANG / "corpus" / target
    findings.mkdir(exist_ok=True)
    grown.mkdir(parents=True, exist_ok=True)
    command = [str(ROOT / CLANG / "fuzz" / f"fuzz_{target}"), f"-max_total_time={seconds}",
               "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1",
               f"-artifact_prefix={findings}/{target}-", str(grown),
               str(ROOT / "fuzz" / "corpus" / target)]
    status, out = run(command, seconds + 120, {"ASAN_OPTIONS": "handle_segv=2:detect_leaks=1",
                                               "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
    return target, status, out


def fuzz(tally, seconds, only=()):
    targets = [t for t in fuzz_targets() if not only or t in only]
    if not targets:
        tally.fail("fuzz: no target was built")
    with ThreadPoolExecutor(int(JOBS)) as pool:
        for target, status, out in pool.map(lambda t: fuzz_one(t, seconds), targets):
            runs = re.search(r"number_of_executed_units:\s*(\d+)", out)
            if status or not runs or int(runs.group(1)) == 0:
                tally.fail(f"fuzz: {target}, {seconds} s", out)
            else:
                tally.ok()
                print(f"   {target}: {runs.group(1)} runs", flush=True)


def check(tally):
    built = {}
    for name in (RELEASE, ASAN, CLANG):
        with Stage(f"{name}: {BUILDS[name][0]} {' '.join(BUILDS[name][1])}"):
            built[name] = build(tally, name)
    release = {"TERN_BUILD": str(ROOT / RELEASE), "TERN_SOURCE": str(ROOT)}
    if built[RELEASE]:
        with Stage("tree: folders, purity, style, documents"):
            pytests(tally, ["tests/tree"], 240, release)
    if built[ASAN]:
        with Stage("unit and vt under ASan and UBSan"):
            meson_tests(tally, ASAN, ["unit", "vt"], 600, SANITIZERS)
    if built[RELEASE]:
        with Stage("fuzz corpora replayed, gcc without sanitizers"):
            meson_tests(tally, RELEASE, ["fuzz"], 120)
    if built[CLANG]:
        with Stage("fuzz, 5 s for each target"):
            fuzz(tally, 5)

    def sims(own):
        if built[ASAN]:
            meson_tests(own, ASAN, ["sim"], 1500, SANITIZERS, before=["nice", "-n", "10"])

    with Stage("e2e and interop on the release build, beside them sim under ASan and UBSan"):
        with Beside(tally, sims):
            if built[RELEASE]:
                pytests(tally, SESSIONS, 1200, release, workers=4)


SESSIONS = ["tests/tools", "tests/judge", "tests/e2e", "tests/interop"]
SOAK = {"TERN_SOAK": "1"}
HOUR = 3600
# The long form of each kind of test; what its numbers are stands in the tests, where they look at TERN_SOAK.
SOAKS = {
    "unit": ("unit and vt under ASan and UBSan, all cases", (ASAN,), lambda t, a:
             meson_tests(t, ASAN, ["unit", "vt"], 4 * HOUR, {**SANITIZERS, **SOAK}, ["--timeout-multiplier", "0"])),
    "sim": ("sim under ASan and UBSan, every seed sealed", (ASAN,), lambda t, a:
            meson_tests(t, ASAN, ["sim"], 6 * HOUR, {**SANITIZERS, **SOAK}, ["--timeout-multiplier", "0"])),
    "judge": ("the engine beside xterm and libvterm, many seeds", (ASAN,), lambda t, a:
              pytests(t, ["tests/judge"], 4 * HOUR, {"TERN_BUILD": str(ROOT / ASAN), **SOAK})),
    "sessions": ("e2e and interop on the release build, in full", (RELEASE,), lambda t, a:
                 pytests(t, ["tests/tools", "tests/e2e", "tests/interop"], 12 * HOUR,
                         {"TERN_BUILD": str(ROOT / RELEASE), "TERN_SOURCE": str(ROOT), **SOAK}, workers=2)),
    "fuzz": ("fuzz, ten minutes for each target", (CLANG,), lambda t, a: fuzz(t, a.seconds or 600)),
}


def soak(tally, args):
    stages = {name: SOAKS[name] for name in args.stage or SOAKS}
    built = {}
    for name in (RELEASE, ASAN, CLANG):
        if any(name in needs for _, needs, _ in stages.values()):
            with Stage(f"{name}: {BUILDS[name][0]} {' '.join(BUILDS[name][1])}"):
                built[name] = build(tally, name)
    for title, needs, work in stages.values():
        if all(built[name] for name in needs):
            with Stage(title):
                work(tally, args)


def work(tally, args):
    if args.what == "check":
        check(tally)
    elif args.what == "soak":
        soak(tally, args)
    else:
        with Stage(f"{CLANG}: clang, libFuzzer, ASan, UBSan"):
            ready = build(tally, CLANG)
        if ready:
            seconds = args.seconds or 60
            with Stage(f"fuzz, {seconds} s for each target"):
                fuzz(tally, seconds, args.target)


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


positive.__name__ = "number above 0"  # for argparse's message


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["check", "fuzz", "soak"])
    parser.add_argument("--seconds", type=positive, default=0, help="of each fuzz target")
    parser.add_argument("--stage", action="append", choices=list(SOAKS), help="of soak: only this one (may repeat)")
    parser.add_argument("--target", action="append", default=[], help="only this fuzz target (may repeat)")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    if args.what != "fuzz" and args.target:
        parser.error(f"--target is for fuzz; {args.what} takes all of them")
    if args.what != "soak" and args.stage:
        parser.error(f"--stage is for soak; {args.what} has none")
    unknown = [t for t in args.target if not (ROOT / "fuzz" / f"fuzz_{t}.c").exists()]
    if unknown:
        known = sorted(p.stem[len("fuzz_"):] for p in (ROOT / "fuzz").glob("fuzz_*.c"))
        parser.error(f"no fuzz target {unknown[0]}; there are {', '.join(known)}")

    # Also when started by nohup or in the background: tests want to see their signals nevertheless.
    for number in SIGNALS:
        signal.signal(number, RUNNING.interrupt)
    start = time.monotonic()
    tally = Tally()
    try:
        work(tally, args)
    except KeyboardInterrupt as why:
        tally.fail(f"interrupted by {why}")
    print(f"== {args.what}: {time.monotonic() - start:.0f} s in all, {cpu_seconds():.0f} s of CPU")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
